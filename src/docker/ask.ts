import { text } from "node:stream/consumers";
import type * as z from "zod";
import { StackError } from "../errors.ts";
import { daemonRefusal, lostConnection } from "./daemon-error.ts";
import type { Wire, WireRequest } from "./wire.ts";

/** A whole answer of the daemon, whatever its status. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Cap of one short request. The daemon answers most in milliseconds; a machine short of memory may take many seconds. */
const DEADLINE_MS = 60_000;

/** Sends and reads to the end. `what` names the attempt for the error: "Listing containers". Rejects only when the connection breaks. */
export async function ask(wire: Wire, what: string, request: WireRequest): Promise<Answer> {
  try {
    const answer = await wire({ deadlineMs: DEADLINE_MS, ...request });
    return { status: answer.status, text: await text(answer.body) };
  } catch (error) {
    if (request.signal?.aborted || error instanceof StackError) throw error;
    throw lostConnection(what, error);
  }
}

/** As `ask`, and a status outside 2xx and 304 ("already so") is the daemon's refusal. */
export async function command(wire: Wire, what: string, request: WireRequest): Promise<Answer> {
  const answer = await ask(wire, what, request);
  if (!isFine(answer.status)) throw daemonRefusal(what, answer);
  return answer;
}

/** As `command`, with the JSON body checked. Undefined for 404 when `absent` allows it. */
export async function query<Schema extends z.ZodType>(
  wire: Wire,
  what: string,
  schema: Schema,
  request: WireRequest,
): Promise<z.infer<Schema>> {
  return parseAnswer(what, schema, await command(wire, what, request));
}

/** As `query`, but what is not there is `undefined`. */
export async function find<Schema extends z.ZodType>(
  wire: Wire,
  what: string,
  schema: Schema,
  request: WireRequest,
): Promise<z.infer<Schema> | undefined> {
  const answer = await ask(wire, what, request);
  if (answer.status === 404) return undefined;
  if (!isFine(answer.status)) throw daemonRefusal(what, answer);
  return parseAnswer(what, schema, answer);
}

/** Removes: what is not there, or is being removed, is fine. */
export async function removal(wire: Wire, what: string, request: WireRequest): Promise<void> {
  const answer = await ask(wire, what, request);
  const underway = answer.status === 409 && answer.text.includes("already in progress");
  if (!isFine(answer.status) && answer.status !== 404 && !underway) {
    throw daemonRefusal(what, answer);
  }
}

/** The value of the `filters` parameter that selects by labels; an empty value matches any. */
export function labelFilter(labels: Readonly<Record<string, string>>): string {
  const label = Object.entries(labels).map(([key, value]) =>
    value === "" ? key : `${key}=${value}`,
  );
  return JSON.stringify({ label });
}

function isFine(status: number): boolean {
  return (status >= 200 && status < 300) || status === 304;
}

function parseAnswer<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  answer: Answer,
): z.infer<Schema> {
  try {
    return schema.parse(JSON.parse(answer.text));
  } catch (cause) {
    throw new StackError("DOCKER_FAILED", {
      what: `${what} failed: the daemon's answer is not what its API promises.`,
      why: cause instanceof Error ? cause.message : undefined,
      next: "Run `stack doctor`; report the daemon's version if it is a supported one.",
      cause,
    });
  }
}
