import { finished } from "node:stream/promises";
import { text } from "node:stream/consumers";
import * as z from "zod";
import { query } from "./ask.ts";
import { daemonRefusal, lostConnection } from "./daemon-error.ts";
import { logLines } from "./log-frames.ts";
import type { Wire } from "./wire.ts";

/** Runs a program in a running container, to its end; stdout and stderr come as one text. */
export async function execIn(
  wire: Wire,
  id: string,
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const what = `Running ${command[0] ?? "nothing"} in container ${id}`;
  const { Id } = await query(wire, what, z.object({ Id: z.string() }), {
    method: "POST",
    path: `/containers/${id}/exec`,
    body: { AttachStdout: true, AttachStderr: true, Tty: false, Cmd: command },
    signal,
  });
  const output = await startExec(wire, what, Id, signal);
  const { ExitCode } = await query(wire, what, z.object({ ExitCode: z.number().nullable() }), {
    method: "GET",
    path: `/exec/${Id}/json`,
    signal,
  });
  return { exitCode: ExitCode ?? 0, output };
}

async function startExec(
  wire: Wire,
  what: string,
  execId: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const answer = await wire({
      method: "POST",
      path: `/exec/${execId}/start`,
      body: { Detach: false, Tty: false },
      signal,
    });
    if (answer.status !== 200) {
      throw daemonRefusal(what, { status: answer.status, text: await text(answer.body) });
    }
    const collected: string[] = [];
    const lines = logLines((line) => collected.push(line));
    answer.body.on("data", lines.push);
    await finished(answer.body);
    lines.end();
    return collected.join("\n");
  } catch (error) {
    if (signal?.aborted) throw error;
    throw lostConnection(what, error);
  }
}
