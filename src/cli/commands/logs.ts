import { defineCommand } from "../command.ts";

export const command = defineCommand({
  args: [],
  wordMeans: "name",
  flags: {
    follow: { kind: "boolean", short: "f", summary: "Go on as more is written, until Ctrl-C." },
    tail: {
      kind: "integer",
      short: "n",
      placeholder: "lines",
      minimum: 0,
      summary: "How many of the last lines to print. Default: 200.",
    },
    role: {
      kind: "text",
      placeholder: "engine|gateway",
      choices: ["engine", "gateway"],
      summary: "Whose log. Default: engine.",
    },
  },
  settings: [],
  streams: true,
  examples: [
    { command: "stack logs -f", what: "Follow the engine." },
    { command: "stack logs --role gateway -n 20", what: "Last lines of the gateway." },
  ],
  run: async ({ context, flags, settings, data }) => {
    const { logs } = await import("../../run/logs.ts");
    const role = flags.role === "gateway" ? "gateway" : "engine";
    const { name } = (await settings()).values;
    let lines = 0;
    await logs(context, {
      name,
      role,
      tail: flags.tail ?? 200,
      follow: flags.follow === true,
      onLine: (line) => {
        lines += 1;
        data({ type: "line", role, line }, line);
      },
    });
    return { name, role, lines };
  },
  text: () => "",
});
