import { describe, expect, it } from "vitest";
import { ollamaBase } from "./ollama-adopted.ts";

describe("OLLAMA_HOST", () => {
  it.each([
    [undefined, "http://127.0.0.1:11434/v1"],
    ["", "http://127.0.0.1:11434/v1"],
    [" box ", "http://box:11434/v1"],
    ['"box:1"', "http://box:1/v1"],
    ["box:80", "http://box/v1"],
    ["192.168.1.5", "http://192.168.1.5:11434/v1"],
    ["box:1/", "http://box:1/v1"],
    ["box/ollama", "http://box:11434/ollama/v1"],
    [":1", "http://127.0.0.1:1/v1"],
    ["0.0.0.0", "http://127.0.0.1:11434/v1"],
    ["0.0.0.0:1", "http://127.0.0.1:1/v1"],
    ["http://0.0.0.0:1", "http://127.0.0.1:1/v1"],
    ["::", "http://[::1]:11434/v1"],
    ["[::]:1", "http://[::1]:1/v1"],
    ["::1", "http://[::1]:11434/v1"],
    ["[::1]", "http://[::1]:11434/v1"],
    ["[fd00::5]:1", "http://[fd00::5]:1/v1"],
    ["http://box", "http://box/v1"],
    ["https://ollama.example.com", "https://ollama.example.com/v1"],
    ["https://ollama.example.com:11434/", "https://ollama.example.com:11434/v1"],
    ["HTTP://box:1", "http://box:1/v1"],
    ["http://gpu-box:11434/ollama", "http://gpu-box:11434/ollama/v1"],
    ["https://gw.example.com/ollama/", "https://gw.example.com/ollama/v1"],
    ["http://box:1/v1", "http://box:1/v1"],
    ["ollama.com", "https://ollama.com/v1"],
  ])("%s is %s", (text, base) => {
    expect(ollamaBase(text)).toBe(base);
  });

  it.each([
    "ftp://box",
    "http://",
    "bo x",
    "box:99999",
    "box:port",
    "http://box:99999",
    "http://user:secret@box",
    "user:secret@box",
    "http://box:1?key=secret",
    "fe80::1%eth0",
  ])("%s is refused by its name, and not taken for this machine", (text) => {
    const refused = { code: "USAGE", what: expect.stringContaining("OLLAMA_HOST") };
    expect(() => ollamaBase(text)).toThrow(expect.objectContaining(refused));
    expect(() => ollamaBase(text)).not.toThrow(/secret/);
  });
});
