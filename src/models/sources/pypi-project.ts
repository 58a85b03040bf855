import * as z from "zod";
import { StackError } from "../../errors.ts";
import { digestSchema, type Digest } from "../model.ts";
import { fetchBytes } from "../net/fetch-bytes.ts";
import { configuredIndex, type PackageIndex } from "./pip-config.ts";
import type { AskTools } from "./source.ts";

export interface Wheel {
  readonly file: string;
  readonly version: string;
  readonly url: string;
  readonly digest: Digest;
  readonly bytes: number | undefined;
}

/** One project on the index, with its wheels. */
export interface Project {
  readonly name: string;
  readonly index: PackageIndex;
  readonly wheels: readonly Wheel[];
}

interface IndexFile {
  readonly filename: string;
  readonly url: string;
  readonly sha256: string | undefined;
  readonly size: number | undefined;
  readonly yanked: boolean;
}

/** PEP 691. Unknown keys are for later versions of it. */
const projectSchema = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.record(z.string(), z.string()),
      size: z.int().nonnegative().optional(),
      yanked: z.union([z.boolean(), z.string()]).optional(),
    }),
  ),
});

const ACCEPT =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/** Asks the index that this machine is configured for. */
export async function fetchProject(tools: AskTools, name: string): Promise<Project> {
  const index = await configuredIndex(tools.context.host);
  const what = `The package ${name} could not be looked up at ${index.url} (${index.origin}).`;
  const { head, body } = await fetchBytes(tools.context, tools.http, {
    what,
    url: `${index.url}/${name}/`,
    headers: {
      accept: ACCEPT,
      ...(index.authorization === undefined ? {} : { authorization: index.authorization }),
    },
  });
  const text = body.toString("utf8");
  const json = (head.headers["content-type"] ?? "").includes("json");
  const files = json ? filesOfJson(text, what) : filesOfHtml(text);
  return { name, index, wheels: files.flatMap((file) => toWheel(file, head.url)) };
}

/** The wheel of `version`, or of the newest release; `MODEL_UNAVAILABLE` names the versions there are. */
export function chooseWheel(project: Project, version: string | undefined): Wheel {
  const stable = project.wheels.filter((wheel) => /^[0-9.]+(\.post\d+)?$/.test(wheel.version));
  const candidates =
    version === undefined
      ? (stable.length > 0 ? stable : project.wheels).toSorted((a, b) =>
          compareVersions(b.version, a.version),
        )
      : project.wheels.filter((wheel) => sameVersion(wheel.version, version));
  const newest = candidates[0]?.version;
  const wheels = candidates.filter((wheel) => wheel.version === newest);
  // A wheel that holds a model holds no machine code.
  const wheel = wheels.find(({ file }) => file.endsWith("-none-any.whl")) ?? wheels[0];
  if (wheel !== undefined) return wheel;
  const versions = [...new Set(project.wheels.map((item) => item.version))];
  throw new StackError("MODEL_UNAVAILABLE", {
    what: `The package ${project.name}${version === undefined ? "" : ` ${version}`} has no wheel with a sha256 at ${project.index.url}.`,
    why: versions.length === 0 ? "There is no wheel at all." : `There are: ${versions.join(", ")}.`,
    next: "choose another package or version",
  });
}

function filesOfJson(text: string, what: string): readonly IndexFile[] {
  try {
    return projectSchema.parse(JSON.parse(text)).files.map((file) => ({
      filename: file.filename,
      url: file.url,
      sha256: file.hashes["sha256"],
      size: file.size,
      yanked: file.yanked !== undefined && file.yanked !== false,
    }));
  } catch (cause) {
    throw new StackError("MODEL_UNAVAILABLE", {
      what,
      why: "What the index answers is not in the format of PEP 691.",
      cause,
    });
  }
}

/** PEP 503: older indexes (and many company mirrors) know only this. */
export function filesOfHtml(text: string): readonly IndexFile[] {
  return [...text.matchAll(/<a\s([^>]*)>([^<]*)<\/a>/gi)].flatMap(([, attributes = "", label]) => {
    const href = /href\s*=\s*["']([^"']*)["']/i.exec(attributes)?.[1]?.replaceAll("&amp;", "&");
    if (href === undefined || label === undefined) return [];
    const [url = "", fragment = ""] = href.split("#");
    return [
      {
        filename: label.trim(),
        url,
        sha256: /(?:^|&)sha256=([0-9a-f]{64})/.exec(fragment)?.[1],
        size: undefined,
        yanked: /\sdata-yanked/i.test(` ${attributes}`),
      },
    ];
  });
}

/** Only wheels whose sha256 the index tells (without it nothing could be checked), at an address that is one. */
function toWheel(file: IndexFile, base: string): readonly Wheel[] {
  const version = /^[^-]+-([^-]+)-.+\.whl$/.exec(file.filename)?.[1];
  const digest = digestSchema.safeParse(`sha256:${file.sha256}`);
  const url = URL.parse(file.url, base);
  if (version === undefined || file.yanked || !digest.success || url === null) return [];
  return [{ file: file.filename, version, url: url.href, digest: digest.data, bytes: file.size }];
}

function sameVersion(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase() || compareVersions(a, b) === 0;
}

/** By their numbers, left to right; `1.0` equals `1.0.0`. Text after the numbers sorts before none, as pre-releases do. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => {
    const [, numbers = "", rest = ""] = /^v?([0-9.]*)(.*)$/.exec(version) ?? [];
    return { numbers: numbers.split(".").map(Number), rest };
  });
  if (left === undefined || right === undefined) return 0;
  for (let i = 0; i < Math.max(left.numbers.length, right.numbers.length); i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.rest === right.rest) return 0;
  if (left.rest === "" || right.rest === "") return left.rest === "" ? 1 : -1;
  return left.rest < right.rest ? -1 : 1;
}
