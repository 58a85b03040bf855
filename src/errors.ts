/** One line of the table that `docs/troubleshooting.md` is generated from. */
export interface ErrorCodeEntry {
  /** Process exit status, as promised in `stack --help`. */
  readonly exit: number;
  /** What the code means, in one sentence, for the docs. */
  readonly meaning: string;
  /** What usually helps, in one sentence, for the docs. */
  readonly remedy: string;
}

export const ERROR_CODES = {
  UNEXPECTED: {
    exit: 1,
    meaning: "Something failed that the tool has no name for: a defect of ours.",
    remedy: "Run the command again with `-v` and report what it prints.",
  },
  USAGE: {
    exit: 2,
    meaning: "The command line, a setting or a file of settings is not valid.",
    remedy: "Read the message: it names the flag or key and the nearest valid one.",
  },
  MODEL_UNKNOWN: {
    exit: 2,
    meaning: "The model reference is neither a reference nor a name of the catalog.",
    remedy:
      "Run `stack models ls --catalog`, or write `ollama:`, `hf:`, `pypi:` or `file:` in front.",
  },
  STACK_UNKNOWN: {
    exit: 2,
    meaning: "No stack of that name is running here.",
    remedy: "Run `stack ps` to see what runs, or `stack up` to start one.",
  },
  VULNERABLE: {
    exit: 2,
    meaning: "The version of the engine that was chosen has security holes that are known.",
    remedy: "Choose a newer image with `--image`, or accept the risk with `--allow-vulnerable`.",
  },
  DOCKER_UNREACHABLE: {
    exit: 3,
    meaning: "No container daemon answers where Docker or Podman is expected.",
    remedy:
      "Start the daemon, or set `DOCKER_HOST`; `stack doctor` shows each place that was tried. Until it answers, `stack ps` and `stack status` call a stack of containers `unknown`, and `stack down` and `stack restart` leave it as it is; `stack down --forget` forgets one whose daemon is gone for good. A stack that is not known to have containers waits four seconds for a daemon that hangs, warns, and goes on with another that answers, or without.",
  },
  DOCKER_FAILED: {
    exit: 3,
    meaning: "The container daemon answered a request with an error.",
    remedy: "Read the daemon's own words in the message; `stack doctor` checks the daemon.",
  },
  GPU_UNUSABLE: {
    exit: 4,
    meaning: "A GPU was asked for and cannot be used.",
    remedy: "Run `stack doctor`, or ask for `--gpu none`.",
  },
  PORT_BUSY: {
    exit: 5,
    meaning: "The port that was asked for is taken.",
    remedy: "Choose another with `--port`, or leave it out and a free one is taken.",
  },
  IMAGE_UNAVAILABLE: {
    exit: 6,
    meaning: "A container image is neither here nor to be fetched.",
    remedy:
      "Build it from package registries with `stack image build <name>`, or name yours with `--image`.",
  },
  MODEL_UNAVAILABLE: {
    exit: 6,
    meaning: "A model could not be fetched from its source, or is none that the engine can use.",
    remedy:
      "Run the same command again, a download goes on where it stopped; or choose the model that the message asks for.",
  },
  DIGEST_MISMATCH: {
    exit: 7,
    meaning: "Bytes do not have the digest that was promised for them.",
    remedy: "Fetch again; if it stays, the source is wrong or tampered with: do not use it.",
  },
  DOES_NOT_FIT: {
    exit: 8,
    meaning: "There is not enough memory or disk for what was asked.",
    remedy: "Choose a smaller model or context, or free space with `stack models rm`.",
  },
  NOT_READY: {
    exit: 9,
    meaning: "The engine did not become able to answer in time.",
    remedy: "Read `stack logs`; allow more time with `--timeout`.",
  },
  ENGINE_STOPPED: {
    exit: 10,
    meaning: "The engine stopped while it was waited for, or is stopped now.",
    remedy: "Read the log lines in the message; `stack logs` has the rest.",
  },
  NETWORK_LEAK: {
    exit: 11,
    meaning: "The engine is not, or would not be, as sealed as was asked for.",
    remedy:
      "Run the engine in a container of Docker Engine 20.10 or newer (Podman leaves the host in reach), or drop `--require-isolated`.",
  },
  LOCKED: {
    exit: 12,
    meaning: "Another `stack` command is working on the same thing.",
    remedy: "Wait for it to end; the message names its process.",
  },
  MODEL_IN_USE: {
    exit: 12,
    meaning: "A stack is up with the model that was to be removed, or is being brought up with it.",
    remedy: "Stop that stack first; the message names it.",
  },
  CONFLICT: {
    exit: 12,
    meaning: "Something that is not ours is in the way.",
    remedy: "Choose another `--name`, or remove what the message names.",
  },
  INTERRUPTED: {
    exit: 130,
    meaning: "The command was interrupted and has undone what it had begun.",
    remedy: "Run it again when you like.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface StackErrorParts {
  /** What happened, in one sentence. */
  readonly what: string;
  /** Why, as far as it is known. */
  readonly why?: string | undefined;
  /** The one command (or action) that comes next. */
  readonly next?: string | undefined;
  /** Evidence for a person: the last log lines, each attempt that failed. */
  readonly detail?: readonly string[] | undefined;
  readonly cause?: unknown;
}

/** The only error that a user is meant to see; anything else is reported as `UNEXPECTED`. */
export class StackError extends Error {
  override readonly name = "StackError";
  readonly code: ErrorCode;
  readonly what: string;
  readonly why: string | undefined;
  readonly next: string | undefined;
  readonly detail: readonly string[];

  constructor(code: ErrorCode, parts: StackErrorParts) {
    super(parts.why === undefined ? parts.what : `${parts.what} ${parts.why}`, {
      cause: parts.cause,
    });
    this.code = code;
    this.what = parts.what;
    this.why = parts.why;
    this.next = parts.next;
    this.detail = parts.detail ?? [];
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** For the default branch of a switch over a union: a new member becomes a type error here. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
