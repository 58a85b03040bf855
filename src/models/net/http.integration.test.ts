import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer as createTlsServer } from "node:https";
import { createServer, connect, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StackError } from "../../errors.ts";
import { fakeFiles, type FakeFiles } from "../../testing/fake-files.ts";
import { testHost, type TestHost } from "../../testing/test-host.ts";
import { fetchBytes, fetchOnce } from "./fetch-bytes.ts";
import { openHttp } from "./http.ts";

let world: TestHost;
let server: FakeFiles;
beforeEach(async () => {
  world = await testHost();
  server = await fakeFiles();
  server.serve("/x", { body: Buffer.from("hello") });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

async function get(
  url: string,
  env: Readonly<Record<string, string>> = {},
  ca?: string,
): Promise<string> {
  const context = { ...world.context, host: { ...world.host, env } };
  const http = await openHttp(context, ca);
  try {
    const { signal } = world.context;
    return (await fetchOnce(http, { url, signal }, 1000)).body.toString();
  } finally {
    await http.close();
  }
}

/** A proxy that tunnels everything to `target`, and notes what it was asked for. */
async function tunnel(target: string): Promise<Server & { readonly asked: string[] }> {
  const asked: string[] = [];
  const proxy = createServer((socket) => {
    socket.once("data", (head) => {
      const line = head.toString("latin1").split("\r\n")[0] ?? "";
      asked.push(line);
      const upstream = connect(Number(new URL(target).port), "127.0.0.1");
      if (line.startsWith("CONNECT")) socket.write("HTTP/1.1 200 OK\r\n\r\n");
      else upstream.write(head.toString("latin1").replace(/ http:\/\/[^/]+/, " "));
      socket.pipe(upstream).pipe(socket);
      upstream.on("error", () => socket.destroy());
      socket.on("error", () => upstream.destroy());
    });
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return Object.assign(proxy, { asked });
}
const urlOf = (listening: Server): string =>
  `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;

describe("proxies", () => {
  it("are used for other machines, and never for loopback", async () => {
    const proxy = await tunnel(server.url);
    const env = { HTTP_PROXY: urlOf(proxy), HTTPS_PROXY: urlOf(proxy) };
    expect(await get("http://models.example/x", env)).toBe("hello");
    expect(proxy.asked).toHaveLength(1);
    expect(proxy.asked[0]).toContain("models.example");
    expect(await get(`${server.url}/x`, env)).toBe("hello");
    expect(await get(`${server.url.replace("127.0.0.1", "localhost")}/x`, env)).toBe("hello");
    expect(proxy.asked).toHaveLength(1);
    proxy.close();
  });

  it("are not used for what NO_PROXY names", async () => {
    const proxy = await tunnel(server.url);
    const env = { http_proxy: urlOf(proxy), no_proxy: "example,0.0.0.0" };
    // This machine, by an address that does not count as loopback; nothing listens there.
    await expect(get("http://0.0.0.0:9/x", env)).rejects.toThrow("ECONNREFUSED");
    expect(proxy.asked).toEqual([]);
    proxy.close();
  });
});

describe("redirects", () => {
  it("end after ten", async () => {
    server.serve("/loop", { body: Buffer.alloc(0), redirect: "/loop" });
    await expect(get(`${server.url}/loop`)).rejects.toThrow("more than 10 times");
  });
  it("lead to no other kind of address", async () => {
    server.serve("/file", { body: Buffer.alloc(0), redirect: "file:///etc/passwd" });
    await expect(get(`${server.url}/file`)).rejects.toThrow("redirects to a file: address");
  });
});

it("an answer larger than allowed is cut off", async () => {
  server.serve("/big", { body: Buffer.alloc(5000) });
  await expect(get(`${server.url}/big`)).rejects.toThrow("larger than 1000 bytes");
});

const openssl = ((): boolean => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe.skipIf(!openssl)("a company's certificate authority (needs openssl)", () => {
  let url: string;
  let close: () => void;
  let ca: string;
  beforeEach(async () => {
    ca = join(world.home, "ca.pem");
    const key = join(world.home, "key.pem");
    execFileSync(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout ${key} -out ${ca}`.split(
        " ",
      ),
      { stdio: "ignore" },
    );
    const secure = createTlsServer(
      { key: await readFile(key), cert: await readFile(ca) },
      (_, response) => {
        response.end("secret");
      },
    );
    secure.listen(0, "localhost");
    await once(secure, "listening");
    url = `https://localhost:${(secure.address() as AddressInfo).port}/`;
    close = () => {
      secure.closeAllConnections();
      secure.close();
    };
  });
  afterEach(() => close());

  it("is refused unknown, with the fix; and trusted by flag or by environment", async () => {
    const http = await openHttp(world.context, undefined);
    await expect(fetchBytes(world.context, http, { what: "No.", url })).rejects.toMatchObject({
      code: "MODEL_UNAVAILABLE",
      why: expect.stringContaining("is not trusted here"),
      next: expect.stringContaining("--ca FILE"),
    });
    await http.close();
    expect(await get(url, {}, ca)).toBe("secret");
    expect(await get(url, { SSL_CERT_FILE: ca })).toBe("secret");
    expect(await get(url, { NODE_EXTRA_CA_CERTS: ca })).toBe("secret");
  });

  it("that cannot be read is a mistake in a setting, and a warning in the environment", async () => {
    const nowhere = join(world.home, "nowhere.pem");
    const empty = join(world.home, "empty.pem");
    await writeFile(empty, "nothing");
    await expect(get(url, {}, nowhere)).rejects.toThrow(StackError);
    await expect(get(url, {}, empty)).rejects.toThrow("holds no PEM certificate");
    expect(await get(url, { SSL_CERT_FILE: nowhere, NODE_EXTRA_CA_CERTS: ca })).toBe("secret");
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: "warning", message: expect.stringContaining(nowhere) }),
    );
  });
});
