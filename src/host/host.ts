/** All that is ambient (clock, environment, processes, folders, network) behind one value, so that tests can hold it. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** Node's name of the processor architecture: `x64`, `arm64`, … */
  readonly arch: string;
  readonly pid: number;
  readonly cwd: string;
  /** Numeric user and group of this process; undefined where the platform has none. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Runs a program to its end. Never throws for a non-zero exit: look at `exitCode`. */
  exec(file: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Starts a program that outlives this process, its output appended to `logFile`. Resolves to its pid. */
  spawnDetached(file: string, args: readonly string[], options: DetachedOptions): Promise<number>;
  /** `bytes` random bytes as lower-case hex. */
  randomHex(bytes: number): string;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never goes back. */
  monotonic(): number;
  /** Rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** XDG base directories, with `/stack` already in them. */
export interface Paths {
  readonly home: string;
  /** `$XDG_CONFIG_HOME/stack`: the user's `config.yaml`. */
  readonly config: string;
  /** `$XDG_DATA_HOME/stack`: the model store. */
  readonly data: string;
  /** `$XDG_STATE_HOME/stack`: keys, endpoints, logs, locks. */
  readonly state: string;
  /** `$XDG_CACHE_HOME/stack`: what may be deleted at any time. */
  readonly cache: string;
}

export interface ExecOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Gives the program this process's terminal instead of capturing its output. */
  readonly inherit?: boolean;
}

export interface ExecResult {
  /** 127 when the program does not exist, 124 when it ran out of time. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DetachedOptions {
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}
