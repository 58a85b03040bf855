import { expect, it } from "vitest";
import { notYet } from "./openai-probes.ts";

it.each([
  ['{"error":{"message":"no memory"}}', "no memory"],
  ['data: {"error":{"message":"no memory"}}\n\n', "no memory"],
  ['{"error":"model\\nnot found"}', "model not found"],
  ['{"message":"loading","type":"X"}', "loading"],
  ['{"detail":"Not Found"}', "Not Found"],
  ["<!DOCTYPE html><html><title>502 Bad Gateway</title>", "a web page: 502 Bad Gateway"],
  [" plain ", "plain"],
])("%s is told as %s", (text, words) => {
  expect(notYet({ status: 500, text, ms: 1 })).toEqual({ kind: "wait", why: `HTTP 500: ${words}` });
});
