import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { StackError } from "../errors.ts";
import { choosePort, onFreePort } from "./free-port.ts";

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

const anyPort = { wanted: 0, previous: undefined, own: [] };
const busy = (): StackError => new StackError("PORT_BUSY", { what: "taken", next: "wait" });

it("tries another port when somebody else was quicker", async () => {
  const chosen = await choosePort(anyPort);
  const tried: number[] = [];
  const result = await onFreePort(anyPort, chosen, async (port) => {
    tried.push(port);
    if (tried.length < 3) throw busy();
    return `on ${port}`;
  });
  expect(tried[0]).toBe(chosen);
  expect(new Set(tried).size).toBe(3);
  expect(result).toBe(`on ${tried[2]}`);
});

it.each([
  ["a port that was asked for is not exchanged", { ...anyPort, wanted: 11_999 }, busy(), 1],
  ["other errors are not cured by another port", anyPort, new Error("something else"), 1],
  ["it does not go on for ever", anyPort, busy(), 5],
])("%s", async (_title, wish, error, attempts) => {
  let tried = 0;
  const work = onFreePort(wish, 11_999, async () => {
    tried += 1;
    throw error;
  });
  await expect(work).rejects.toBe(error);
  expect(tried).toBe(attempts);
});
