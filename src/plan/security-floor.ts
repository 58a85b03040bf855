import { StackError } from "../errors.ts";

/** Below it, versions have holes that are known. */
export interface SecurityFloor {
  /** The oldest release without them. */
  readonly version: string;
  /** The same for a project that counts its builds too: `b11393`. */
  readonly build?: string;
  /** Where that is written. */
  readonly source: string;
}

export interface BelowFloor {
  /** As it was found: a tag's or what the engine reports. */
  readonly version: string;
  /** The floor, counted in the same way. */
  readonly floor: string;
  readonly source: string;
}

/** An engine that has a floor. */
interface Floored {
  readonly name: string;
  readonly title: string;
  readonly securityFloor: SecurityFloor;
}

/**
 * Whether what was found is below the floor, by the first of these that can be compared with it. Takes tags (`server-cuda13-v0.7.0`, `0.17.4-rocm`) and what engines report
 * (`0.32.0+cpu`, `b11669-Debian`). One that is counted in no way that the floor is (`latest`, a date, a build without a
 * number) is not below it: nobody knows.
 */
export function belowFloor(
  { version: release, build, source }: SecurityFloor,
  ...versions: readonly (string | undefined)[]
): BelowFloor | undefined {
  const floors = { release, build: build ?? "" };
  for (const version of versions.filter((each) => each !== undefined)) {
    for (const scheme of ["release", "build"] as const) {
      const floor = floors[scheme];
      const [found, least] = [readVersion(version)[scheme], readVersion(floor)[scheme]];
      if (found === undefined || least === undefined) continue;
      return isBelow(found, least) ? { version, floor, source } : undefined;
    }
  }
  return undefined;
}

/**
 * Holds what was found against an engine's floor: `VULNERABLE` below it, or the warnings to give where that is `allowed`.
 * `instead` is an image that is not below; undefined where one was named, and leaving that out is the way on.
 */
export function heedFloor(
  engine: Floored,
  versions: readonly (string | undefined)[],
  { allowed, instead }: { readonly allowed: boolean; readonly instead: string | undefined },
): readonly string[] {
  const below = belowFloor(engine.securityFloor, ...versions);
  if (below === undefined) return [];
  if (!allowed) throw vulnerableError(engine, below, instead);
  return [vulnerableWarning(engine.title, below)];
}

/** The tag of an image reference, with a digest or without; undefined where it has none. */
export function imageTag(reference: string): string | undefined {
  const name = reference.replace(/@sha256:.*$/, "");
  return /:([\w][\w.-]*)$/.exec(name)?.[1];
}

function vulnerableError(
  engine: Pick<Floored, "name" | "title">,
  below: BelowFloor,
  instead: string | undefined,
): StackError {
  const image = instead ?? "<a newer one>";
  return new StackError("VULNERABLE", {
    what: `${describeBelow(engine.title, below)}.`,
    why: `The holes are described at ${below.source}.`,
    next: `stack up ${engine.name} --image ${image}\nstack up ${engine.name} --allow-vulnerable`,
  });
}

/** For who runs it all the same. */
export function vulnerableWarning(title: string, below: BelowFloor): string {
  return `${describeBelow(title, below)} (${below.source}).`;
}

function describeBelow(title: string, { version, floor }: BelowFloor): string {
  return `${title} ${version} has known security holes: ${floor} is the oldest version without them`;
}

interface Numbers {
  readonly parts: readonly number[];
  /** `rc1`, `dev3`: before the release of these numbers. */
  readonly early: boolean;
}

interface ReadVersion {
  /** `0.7.0` */
  readonly release: Numbers | undefined;
  /** `b11669`: llama.cpp's running number. */
  readonly build: Numbers | undefined;
}

const EARLY = /^[.]?(?:rc|alpha|beta|a|b|dev|pre|preview)[.]?\d*(?:\.dev\d+)?$/;

function readVersion(text: string): ReadVersion {
  const words = text.split(/[-_+]/);
  const at = words.findIndex((word) => /^v?\d+\.\d+/.test(word));
  const [, digits = "", rest = ""] = /^v?(\d+(?:\.\d+)+)(.*)$/.exec(words[at] ?? "") ?? [];
  const parts = digits.split(".").map(Number);
  const early = EARLY.test(rest) || EARLY.test(words[at + 1] ?? "");
  const number = words.map((word) => /^b(\d+)$/.exec(word)?.[1]).find((each) => each !== undefined);
  return {
    // All zeros is what a build from source says when nobody told it its version (Ollama).
    release: parts.some((part) => part > 0) ? { parts, early } : undefined,
    build: number === undefined ? undefined : { parts: [Number(number)], early: false },
  };
}

/** `0.35` is as good as `0.35.0`. */
function isBelow(a: Numbers, b: Numbers): boolean {
  for (let index = 0; index < Math.max(a.parts.length, b.parts.length); index += 1) {
    const [found = 0, least = 0] = [a.parts[index], b.parts[index]];
    if (found !== least) return found < least;
  }
  return a.early && !b.early;
}
