/**
 * The share, from 0 to 1, that the engine's own arguments name with this option (`--share 0.9`, `--share=0.9`); the last one wins.
 * vLLM takes `_` for `-`. Undefined where none is named, or something that is none.
 */
export function namedShare(
  args: readonly string[],
  option: string | undefined,
): number | undefined {
  if (option === undefined) return undefined;
  const named = args.flatMap((word, at) => {
    const [, name = word, value = args[at + 1]] = /^(--[^=]+)=(.*)$/.exec(word) ?? [];
    return name.replaceAll("_", "-") === option ? [Number(value ?? NaN)] : [];
  });
  const last = named.at(-1) ?? NaN;
  return last > 0 && last <= 1 ? last : undefined;
}
