import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { StackError } from "../errors.ts";
import { type TestHost, testHost } from "../testing/test-host.ts";
import { connect } from "./connect.ts";

const probe = await testHost();
const hasOpenssl = (await probe.host.exec("openssl", ["version"])).exitCode === 0;
await probe[Symbol.asyncDispose]();

/** A folder as `DOCKER_CERT_PATH` names it: one certificate that is authority, server and client at once. */
async function certificates(rig: TestHost): Promise<{ folder: string; cert: string; key: string }> {
  const at = (name: string): string => join(rig.home, name);
  const made = await rig.host.exec("openssl", [
    ..."req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split(" "),
    ..."-subj /CN=stack-test -addext subjectAltName=IP:127.0.0.1".split(" "),
    "-keyout",
    at("key.pem"),
    "-out",
    at("cert.pem"),
  ]);
  if (made.exitCode !== 0) throw new Error(made.stderr);
  await rig.host.exec("cp", [at("cert.pem"), at("ca.pem")]);
  const [cert, key] = await Promise.all([
    readFile(at("cert.pem"), "utf8"),
    readFile(at("key.pem"), "utf8"),
  ]);
  return { folder: rig.home, cert, key };
}

describe.skipIf(!hasOpenssl)("a daemon behind TLS", () => {
  async function withDaemon(
    env: (folder: string, port: number) => Record<string, string>,
  ): Promise<{ readonly product?: string; readonly error?: unknown }> {
    await using rig = await testHost();
    const { folder, cert, key } = await certificates(rig);
    const server = createServer(
      { cert, key, ca: cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        response.setHeader("api-version", "1.51");
        response.end(
          request.url?.endsWith("/info")
            ? JSON.stringify({ Architecture: "x86_64" })
            : JSON.stringify({ Version: "28.5.2", ApiVersion: "1.51" }),
        );
      },
    );
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    const port = address !== null && typeof address === "object" ? address.port : 0;
    try {
      const host = { ...rig.host, env: { ...rig.host.env, ...env(folder, port) } };
      const runtime = await connect(host, { signal: AbortSignal.timeout(10_000) });
      return { product: (await runtime.facts()).product };
    } catch (error) {
      return { error };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it("is reached with the certificates of DOCKER_CERT_PATH", async () => {
    const { product, error } = await withDaemon((folder, port) => ({
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: folder,
    }));
    expect([error, product]).toEqual([undefined, "docker"]);
  });

  it("is not believed without its authority", async () => {
    const { error } = await withDaemon((_, port) => ({ DOCKER_HOST: `https://127.0.0.1:${port}` }));
    if (!(error instanceof StackError)) throw new Error(String(error));
    expect(error.code).toBe("DOCKER_UNREACHABLE");
    expect(error.why).toMatch(/self-signed certificate/);
  });
});
