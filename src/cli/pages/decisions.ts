import { readdir, readFile } from "node:fs/promises";

/** `docs/adr/README.md`: the headings of the pages beside it. */
export async function decisionsPage(): Promise<string> {
  const folder = new URL("../../../docs/adr/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => /^\d{4}-.*\.md$/.test(name)).sort();
  const rows = await Promise.all(
    files.map(async (name) => {
      const [heading = ""] = (await readFile(new URL(name, folder), "utf8")).split("\n");
      return `- [${heading.replace(/^#\s*/, "")}](${name})`;
    }),
  );
  return `# Decisions

What was decided that was not obvious, and why not otherwise. One page each, short; a later page may overrule an earlier.

${rows.join("\n")}
`;
}
