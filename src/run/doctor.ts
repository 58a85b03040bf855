import { ERROR_CODES, StackError } from "../errors.ts";
import type { DaemonFacts } from "../docker/runtime.ts";
import { type ResolvedSettings, type Settings, settingsSchema } from "../plan/settings.ts";
import type { RunContext } from "../run-context.ts";
import type { Check, CheckWorld, Finding } from "./doctor/check.ts";
import { CHECKS } from "./doctor/index.ts";
import { imageLockFile } from "./image-lock.ts";

export interface DoctorReport {
  /** False when something would stop `stack up`. */
  readonly ok: boolean;
  /** Of the first failure, else 0. */
  readonly exitCode: number;
  readonly findings: readonly (Finding & { readonly check: string; readonly title: string })[];
}

/**
 * Runs every check at the same time, each with its own deadline. A check that fails to run is a finding
 * too: this command is for machines on which things go wrong.
 */
export async function doctor(
  context: RunContext,
  loadSettings: () => Promise<ResolvedSettings>,
  checks: readonly Check[] = CHECKS,
): Promise<DoctorReport> {
  const { settings, findings: ofSettings, projectFile } = await readSettings(loadSettings);
  const lockFile = imageLockFile(context.host, { projectFile });
  const docker = askOnce(context);
  const found = await Promise.all(
    checks.map(async (check) => {
      const findings = await guarded(context, check, { settings, lockFile, docker });
      return findings.map((finding) => ({ check: check.id, title: check.title, ...finding }));
    }),
  );
  context.signal.throwIfAborted();
  const findings = [...ofSettings, ...found.flat()];
  const failure = findings.find(({ status }) => status === "failed");
  const exitCode = failure === undefined ? 0 : ERROR_CODES[failure.code ?? "UNEXPECTED"].exit;
  return { ok: failure === undefined, exitCode, findings };
}

async function readSettings(loadSettings: () => Promise<ResolvedSettings>): Promise<{
  readonly settings: Settings;
  readonly projectFile?: string | undefined;
  readonly findings: DoctorReport["findings"];
}> {
  const head = { check: "settings", title: "Settings" };
  try {
    const { values, origins, projectFile } = await loadSettings();
    const set = Object.values(origins).filter(({ kind }) => kind !== "default").length;
    const summary = set === 0 ? "all defaults" : `${set} set`;
    return { settings: values, projectFile, findings: [{ ...head, status: "ok", summary }] };
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const { what, detail, code } = error;
    const finding = { ...head, status: "failed", summary: what, detail, code } as const;
    const fix = "correct it; the checks below use the defaults";
    return { settings: settingsSchema.parse({}), findings: [{ ...finding, fix }] };
  }
}

async function guarded(
  context: RunContext,
  check: Check,
  known: Pick<CheckWorld, "settings" | "lockFile" | "docker">,
): Promise<readonly Finding[]> {
  const { host, emit } = context;
  const finished = new AbortController();
  const expired = new AbortController();
  host.clock.sleep(check.deadlineMs, finished.signal).then(
    () => expired.abort(),
    () => {},
  );
  const signal = AbortSignal.any([context.signal, expired.signal]);
  const world = { host, emit, signal, ...known };
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    // A check that ignores its signal must not hold the others' answers back.
    return await Promise.race([check.run(world), stopped]);
  } catch (error) {
    const late = expired.signal.aborted;
    const why = error instanceof Error ? error.message : String(error);
    return [
      {
        status: "warning",
        summary: late ? `gave no answer within ${check.deadlineMs / 1000} s` : why,
        fix: "run `stack doctor -v` again, and report what it prints if it stays so",
      },
    ];
  } finally {
    finished.abort();
    signal.removeEventListener("abort", stop);
  }
}

function askOnce(context: RunContext): () => Promise<DaemonFacts> {
  let asked: Promise<DaemonFacts> | undefined;
  return () => (asked ??= askDaemon(context));
}

async function askDaemon(context: RunContext): Promise<DaemonFacts> {
  const { connect } = await import("../docker/connect.ts");
  const runtime = await connect(context.host, { signal: context.signal });
  return runtime.facts(context.signal);
}
