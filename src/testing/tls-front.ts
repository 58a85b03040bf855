import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { createServer } from "node:tls";

export function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export interface TlsFront extends AsyncDisposable {
  /** `https://localhost:PORT` */
  readonly origin: string;
  /** File with its own authority, which nobody knows. */
  readonly ca: string;
}

/** Speaks TLS in front of a server on loopback, with a certificate of a self-made authority. Files go into `folder`. */
export async function tlsFront(folder: string, port: number): Promise<TlsFront> {
  const [ca, key] = [join(folder, "ca.pem"), join(folder, "ca.key")];
  const subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
  const kind = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
  const args = `${kind} ${subject} -keyout ${key} -out ${ca}`.split(" ");
  execFileSync("openssl", args, { stdio: "ignore" });
  const open = new Set<Socket>();
  const server = createServer({ key: await readFile(key), cert: await readFile(ca) }, (outer) => {
    const inner = connect(port, "127.0.0.1");
    open.add(outer).add(inner);
    outer.pipe(inner).pipe(outer);
    for (const socket of [outer, inner]) {
      // One side that breaks off is the other's end.
      socket.on("error", () => {
        outer.destroy();
        inner.destroy();
      });
    }
  });
  // Clients that do not trust it break off while hands are shaken.
  server.on("tlsClientError", () => {});
  server.listen(0, "localhost");
  await once(server, "listening");
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    ca,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
