import { styleText } from "node:util";

type Format = Parameters<typeof styleText>[0];

/** Four meanings, not colours: text stays readable where none is shown. */
export interface Style {
  readonly strong: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function createStyle(colors: boolean): Style {
  const paint =
    (format: Format) =>
    (text: string): string =>
      colors ? styleText(format, text, { validateStream: false }) : text;
  return {
    strong: paint("bold"),
    dim: paint("dim"),
    good: paint("green"),
    warn: paint("yellow"),
    bad: paint("red"),
  };
}

/**
 * Whether to colour a stream. `--[no-]color` decides, then NO_COLOR (no-color.org: any value
 * but an empty one), then FORCE_COLOR, then whether it is a terminal that can.
 */
export function wantsColor(
  flag: boolean | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isTty: boolean,
): boolean {
  if (flag !== undefined) return flag;
  if ((env["NO_COLOR"] ?? "") !== "") return false;
  const force = env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return isTty && env["TERM"] !== "dumb";
}
