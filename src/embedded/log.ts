/** One JSON object per line. Never given prompts, answers or keys. */
export type Log = (
  level: "info" | "warn" | "error" | "fatal",
  event: string,
  fields?: Readonly<Record<string, string | number | boolean | undefined>>,
) => void;

export function createLog(write: (line: string) => void, now: () => number): Log {
  return (level, event, fields = {}) =>
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, event, ...fields })}\n`);
}
