import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { stripVTControlCharacters } from "node:util";
import type { Pack } from "tar-stream";
import { StackError } from "../errors.ts";
import { daemonWords } from "./daemon-error.ts";
import { lineBuffer } from "./log-frames.ts";
import { lineError, parseProgressLine } from "./pull-lines.ts";
import type { BuildFile, ImageBuild } from "./runtime.ts";
import type { Wire } from "./wire.ts";

/** Lines of the build's output that its error carries. */
const LAST_LINES = 30;

/** Sends the context and follows the build to its end. */
export async function buildFrom(
  wire: Wire,
  { tag, context, buildArgs, onLine, signal }: ImageBuild,
): Promise<void> {
  const last: string[] = [];
  const say = (raw: string): void => {
    const line = stripVTControlCharacters(raw);
    if (line.trim() === "") return;
    last.push(line);
    if (last.length > LAST_LINES) last.shift();
    onLine(line);
  };
  const { pack } = await import("tar-stream");
  const archive = pack();
  // A context that cannot be read destroys the archive, and with it the request.
  void packAll(archive, context).catch((error: unknown) => {
    archive.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    const answer = await wire({
      method: "POST",
      path: "/build",
      query: { t: tag, rm: true, forcerm: true, buildargs: JSON.stringify(buildArgs) },
      archive,
      signal,
    });
    if (answer.status !== 200) throw new Error(daemonWords(await text(answer.body)));
    const failure = await followBuild(answer.body, say);
    if (failure !== undefined) throw new Error(failure);
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new StackError("IMAGE_UNAVAILABLE", {
      what: `The image ${tag} could not be built.`,
      why: cause instanceof Error ? cause.message : String(cause),
      next: "Read the last lines below; a network that re-signs TLS needs `--ca FILE`.",
      detail: last,
      cause,
    });
  } finally {
    archive.destroy();
  }
}

/** Hands on what the steps print; resolves to the error that the stream carried in-band. */
async function followBuild(
  body: NodeJS.ReadableStream,
  say: (line: string) => void,
): Promise<string | undefined> {
  let failure: string | undefined;
  const printed = lineBuffer(say);
  const lines = lineBuffer((raw) => {
    const line = parseProgressLine(raw);
    if (line === undefined) return;
    failure ??= lineError(line);
    if (line.stream !== undefined) printed.push(Buffer.from(line.stream));
    else if (line.status !== undefined) say(line.status);
  });
  body.on("data", lines.push);
  await finished(body);
  lines.end();
  printed.end();
  return failure;
}

async function packAll(archive: Pack, context: readonly BuildFile[]): Promise<void> {
  for (const each of context) {
    if ("content" in each) {
      archive.entry({ name: each.name, mode: 0o644 }, each.content);
      continue;
    }
    const { size } = await stat(each.file);
    const entry = archive.entry({ name: each.name, mode: 0o644, size });
    await pipeline(createReadStream(each.file), entry);
  }
  archive.finalize();
}
