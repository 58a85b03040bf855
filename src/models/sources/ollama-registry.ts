import { createHash } from "node:crypto";
import { StackError } from "../../errors.ts";
import { fetchBytes, fetchOnce } from "../net/fetch-bytes.ts";
import { isLoopback } from "../net/loopback.ts";
import { diagnose, unavailable } from "../net/trouble.ts";
import { fetchToken } from "./registry-token.ts";
import type { AskTools } from "./source.ts";

const ACCEPT_MANIFEST = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
].join(", ");
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/** One repository of a registry that speaks the OCI distribution protocol: Ollama's own, or any plain one. */
export interface Repository {
  readonly manifest: (tag: string, name: string) => Promise<Buffer>;
  readonly blobUrl: (digest: string) => string;
  readonly headers: () => Readonly<Record<string, string>>;
  /** Answers a 401: true when there is a new token to try with. */
  readonly authorize: (challenge: string) => Promise<boolean>;
}

/** Finds out how the registry is spoken to. Plain HTTP only on loopback or where the user named the registry. */
export async function openRepository(
  tools: AskTools,
  registry: string,
  repository: string,
): Promise<Repository> {
  const origin = await findOrigin(tools, registry);
  const base = `${origin}/v2/${repository}`;
  let token: string | undefined;
  const headers = (): Record<string, string> =>
    token === undefined ? {} : { authorization: token };

  async function authorize(challenge: string): Promise<boolean> {
    token = await fetchToken(tools, challenge, { origin, registry, repository });
    return token !== undefined;
  }

  async function manifest(tag: string, name: string): Promise<Buffer> {
    for (let asked = false; ; asked = true) {
      const { head, body } = await fetchBytes(tools.context, tools.http, {
        what: `The manifest of ${name} could not be fetched.`,
        url: `${base}/manifests/${tag}`,
        headers: { accept: ACCEPT_MANIFEST, ...headers() },
        maxBytes: MAX_MANIFEST_BYTES,
        accept: [401, 404],
        explain: (trouble) =>
          trouble.notTls === true
            ? { ...trouble, next: `allow plain HTTP for it: --insecure-registries ${registry}` }
            : trouble,
      });
      if (head.status === 200) {
        checkDigest(name, body, head.headers["docker-content-digest"]);
        return body;
      }
      const challenge = head.headers["www-authenticate"];
      const retry =
        head.status === 401 && !asked && challenge !== undefined && (await authorize(challenge));
      if (!retry) throw refused(registry, name, head.status);
    }
  }

  return { manifest, headers, authorize, blobUrl: (digest) => `${base}/blobs/${digest}` };
}

async function findOrigin(tools: AskTools, registry: string): Promise<string> {
  const { context, http, options } = tools;
  const secure = `https://${registry}`;
  const plainAllowed =
    isLoopback(new URL(secure).hostname) || options.insecureRegistries.includes(registry);
  if (!plainAllowed) return secure;
  // As Docker does for such registries: TLS when it is spoken there, plain HTTP otherwise.
  try {
    await fetchOnce(http, { url: `${secure}/v2/`, signal: context.signal }, MAX_MANIFEST_BYTES);
    return secure;
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    const trouble = diagnose(error, secure, context.host.clock.now());
    // Not trusted is not the same as not spoken: no downgrade behind the user's back.
    if (trouble.untrusted === true) {
      throw unavailable(`The registry ${registry} could not be asked.`, trouble, error);
    }
    return `http://${registry}`;
  }
}

function checkDigest(name: string, body: Buffer, promised: string | undefined): void {
  if (promised === undefined || !promised.startsWith("sha256:")) return;
  const found = `sha256:${createHash("sha256").update(body).digest("hex")}`;
  if (found === promised) return;
  throw new StackError("DIGEST_MISMATCH", {
    what: `The manifest of ${name} does not have the digest that its registry promises.`,
    why: `Promised ${promised}, found ${found}.`,
    next: "try again later; if it stays, do not use this registry",
  });
}

function refused(registry: string, name: string, status: number): StackError {
  return status === 404
    ? new StackError("MODEL_UNAVAILABLE", {
        what: `The registry ${registry} has no ${name}.`,
        why: "It answers 404: no such model, or no such tag.",
        next: "check the name and the tag",
      })
    : new StackError("MODEL_UNAVAILABLE", {
        what: `The registry ${registry} does not give out ${name}.`,
        why: `It answers ${status}: there is no login for it here, or the login has no right to this model.`,
        next: `docker login ${registry}`,
      });
}
