import { defineCommand } from "../command.ts";

interface Report {
  readonly name: string;
  readonly tag: string;
  readonly changed: boolean;
  readonly dryRun: boolean;
  readonly warnings: readonly string[];
}

export const command = defineCommand({
  description:
    "For sites that reach no container registry: the recipes below compose/images/ need Debian's, Go's or PyPI's mirrors only. The first build takes minutes.",
  args: [
    {
      name: "name",
      summary: "Which recipe; see `stack image ls`.",
      required: true,
      complete: "images",
    },
  ],
  flags: {},
  settings: ["ca"],
  streams: true,
  examples: [
    { command: "stack image build haproxy", what: "The gateway." },
    {
      command: "stack image build ollama --ca /etc/ssl/site.pem",
      what: "Behind a proxy that signs TLS anew.",
    },
  ],
  run: async ({ args, context, settings, dryRun }): Promise<Report> => {
    const { RECIPES, buildImage, isRecipe } = await import("../../docker/image-build.ts");
    const { choice } = await import("../flag-value.ts");
    const name = choice("<name>", Object.keys(RECIPES), args[0] ?? "", "stack image ls");
    if (!isRecipe(name)) throw new Error(`${name} is no recipe`);
    const { ca } = (await settings()).values;
    const { tag } = RECIPES[name];
    const { recipeWarnings } = await import("../../engines/recipe-warnings.ts");
    const warnings = recipeWarnings(name);
    if (dryRun) return { name, tag, changed: false, dryRun, warnings };
    const { connect } = await import("../../docker/connect.ts");
    const { host, signal, emit } = context;
    const runtime = await connect(host, { signal });
    const begun = host.clock.monotonic();
    const step = { id: `image:${name}`, title: `Build the image ${tag}` };
    emit({ type: "step-started", ...step });
    const onLine = (message: string): void => emit({ type: "info", message });
    await buildImage(host, runtime, name, { ca, onLine, signal });
    emit({ type: "step-done", ...step, ms: Math.round(host.clock.monotonic() - begun) });
    return { name, tag, changed: true, dryRun, warnings };
  },
  text: ({ tag, dryRun }) => (dryRun ? `would: Build the image ${tag}` : tag),
  hints: ({ warnings }, { style }) =>
    warnings.map((warning) => `${style.warn("warning:")} ${warning}`),
});
