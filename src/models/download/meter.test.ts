import { describe, expect, it } from "vitest";
import type { Clock, Host } from "../../host/host.ts";
import type { Progress, StackEvent } from "../../events.ts";
import { startMeter, type Meter } from "./meter.ts";

function meterAt(): { meter: Meter; tick: (ms: number) => void; last: () => Progress | undefined } {
  let now = 0;
  const events: StackEvent[] = [];
  const clock: Pick<Clock, "monotonic"> = { monotonic: () => now };
  const host = { clock } as Host;
  return {
    meter: startMeter({ host, emit: (event) => events.push(event) }, "id", "title"),
    tick: (ms) => {
      now += ms;
    },
    last: () => events.at(-1) as Progress | undefined,
  };
}

describe("a meter", () => {
  it("does not count what was there before as speed", () => {
    const { meter, tick, last } = meterAt();
    meter.expect(10_000);
    meter.at("a", 5000);
    expect(last()).toMatchObject({ bytes: 5000, totalBytes: 10_000, done: false });
    expect(last()?.bytesPerSecond).toBeUndefined();
    tick(1000);
    meter.at("a", 6000);
    expect(last()).toMatchObject({ bytes: 6000, bytesPerSecond: 1000, etaSeconds: 4 });
  });

  it("follows a connection that slows down, and gives the average at the end", () => {
    const { meter, tick, last } = meterAt();
    meter.expect(100_000);
    meter.at("a", 0);
    for (let second = 1; second <= 10; second++) {
      tick(1000);
      meter.at("a", second * 9000);
    }
    for (let second = 1; second <= 10; second++) {
      tick(1000);
      meter.at("a", 90_000 + second * 1000);
    }
    expect(last()).toMatchObject({ bytesPerSecond: 1000 });
    tick(60_000);
    meter.done();
    expect(last()).toMatchObject({
      bytes: 100_000,
      bytesPerSecond: 5000,
      etaSeconds: 0,
      done: true,
    });
  });

  it("sums several files and speaks at most ten times a second", () => {
    const { meter, tick, last } = meterAt();
    meter.at("a", 0);
    meter.at("b", 0);
    tick(50);
    meter.at("a", 100);
    expect(last()).toMatchObject({ bytes: 0 });
    tick(50);
    meter.at("b", 11);
    expect(last()).toMatchObject({ bytes: 111 });
    expect(last()).not.toHaveProperty("totalBytes");
  });
});
