/** What a library prints by console.log, as text: here nothing but the output layer prints. */
export function captureConsole(action: () => void): string {
  const lines: string[] = [];
  const { log } = console;
  // oxlint-disable-next-line no-console -- @bomb.sh/tab has no other way out
  console.log = (line: string) => lines.push(line);
  try {
    action();
  } finally {
    // oxlint-disable-next-line no-console
    console.log = log;
  }
  return lines.join("\n");
}
