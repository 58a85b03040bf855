import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { choosePort } from "./free-port.ts";

async function takenPort(): Promise<{ readonly port: number } & Disposable> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => server.close() };
}

it("refuses a port that was asked for and is taken", async () => {
  using taken = await takenPort();
  await expect(
    choosePort({ wanted: taken.port, previous: undefined, own: [] }),
  ).rejects.toMatchObject({ code: "PORT_BUSY", exitCode: 5 });
});

it("accepts a taken port that is our own", async () => {
  using taken = await takenPort();
  expect(await choosePort({ wanted: taken.port, previous: undefined, own: [taken.port] })).toBe(
    taken.port,
  );
});

it("keeps the port from before while it is free, and takes another when it is not", async () => {
  let previous: number;
  {
    using taken = await takenPort();
    previous = taken.port;
    expect(await choosePort({ wanted: 0, previous, own: [] })).not.toBe(previous);
  }
  expect(await choosePort({ wanted: 0, previous, own: [] })).toBe(previous);
});
