import { expect, it } from "vitest";
import { adoptedBase } from "./adopted-base.ts";

it.each(["http://host:99999/v1", "nonsense", "http://user:secret@host/v1"])(
  "%s is no address, and the command that comes next has one and a file for the key",
  (text) => {
    const refused = {
      code: "USAGE",
      why: expect.stringContaining("in a file"),
      next: "stack up --url http://host:port/v1 --key-file FILE",
    };
    expect(() => adoptedBase(text)).toThrow(expect.objectContaining(refused));
    expect(() => adoptedBase(text)).not.toThrow(/secret/);
  },
);
