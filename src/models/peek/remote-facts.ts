import { readRemoteGgufHeader, type RemoteGguf } from "../gguf/header.ts";
import type { AskTools } from "../sources/source.ts";
import type { Glimpse } from "./glimpse.ts";

/** What the header of a GGUF elsewhere says, some megabytes of it at most; undefined where it can't be had, as from a server that sends no parts. */
export async function remoteFacts(
  { context }: Pick<AskTools, "context">,
  file: RemoteGguf,
  name: string,
): Promise<Glimpse["facts"]> {
  try {
    return (await readRemoteGgufHeader(file, name)).facts;
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    context.emit({
      type: "debug",
      message: `The header of ${name} was not read: ${String(cause)}`,
    });
    return undefined;
  }
}
