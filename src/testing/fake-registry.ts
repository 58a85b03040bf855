import { createHash } from "node:crypto";
import { fakeFiles, type FakeFiles, type Fault } from "./fake-files.ts";

const MODEL = "application/vnd.ollama.image.model";

export interface RegistryOptions {
  /** Anonymous requests get a Bearer challenge; its token server is the registry itself. */
  readonly token?: string;
  /** Blobs are redirected there, another host. */
  readonly storage?: FakeFiles;
}

/** A registry of the OCI distribution protocol with Ollama models in it. */
export interface FakeRegistry extends AsyncDisposable {
  readonly files: FakeFiles;
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Adds a model; layers beside the weights are small texts by media type. Resolves to digests in order: config, weights, layers. */
  addModel(
    repository: string,
    tag: string,
    weights: Buffer,
    layers?: readonly { readonly mediaType: string; readonly content: string }[],
  ): { readonly manifest: Buffer; readonly digests: readonly string[] };
  faultBlob(repository: string, digest: string, ...faults: readonly Fault[]): void;
}

export async function fakeRegistry(options: RegistryOptions = {}): Promise<FakeRegistry> {
  const files = await fakeFiles();
  const { token, storage } = options;
  files.intercept((request, response) => {
    const path = request.url ?? "";
    if (path.startsWith("/token")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ token }));
      return true;
    }
    const guarded = path.startsWith("/v2/") && token !== undefined;
    if (guarded && request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401, {
        "www-authenticate": `Bearer realm="${files.url}/token",service="fake",scope="pull"`,
      });
      response.end();
      return true;
    }
    if (path === "/v2/") {
      response.writeHead(200).end("{}");
      return true;
    }
    return false;
  });

  function addBlob(repository: string, content: Buffer): string {
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const path = `/v2/${repository}/blobs/${digest}`;
    if (storage === undefined) {
      files.serve(path, { body: content });
    } else {
      storage.serve(`/storage/${digest}`, { body: content });
      files.serve(path, { body: content, redirect: `${storage.url}/storage/${digest}?signed=1` });
    }
    return digest;
  }

  return {
    files,
    address: new URL(files.url).host,
    addModel: (repository, tag, weights, layers = []) => {
      const config = Buffer.from('{"model_format":"gguf","model_family":"llama"}');
      const contents = [
        { mediaType: "application/vnd.docker.container.image.v1+json", content: config },
        { mediaType: MODEL, content: weights },
        ...layers.map(({ mediaType, content }) => ({ mediaType, content: Buffer.from(content) })),
      ];
      const descriptors = contents.map(({ mediaType, content }) => ({
        mediaType,
        digest: addBlob(repository, content),
        size: content.length,
      }));
      const manifest = Buffer.from(
        JSON.stringify({ schemaVersion: 2, config: descriptors[0], layers: descriptors.slice(1) }),
      );
      const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
      files.serve(`/v2/${repository}/manifests/${tag}`, {
        body: manifest,
        headers: { "docker-content-digest": digest },
      });
      return { manifest, digests: descriptors.map((descriptor) => descriptor.digest) };
    },
    faultBlob: (repository, digest, ...faults) =>
      (storage ?? files).fault(
        storage === undefined ? `/v2/${repository}/blobs/${digest}` : `/storage/${digest}`,
        ...faults,
      ),
    [Symbol.asyncDispose]: () => files[Symbol.asyncDispose](),
  };
}
