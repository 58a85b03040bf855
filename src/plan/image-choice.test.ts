import { describe, expect, it } from "vitest";
import { chooseImage, heedLock, type ImageChoice, type ImageQuestion } from "./image-choice.ts";

const question: ImageQuestion = {
  wanted: undefined,
  standard: "ollama/ollama:1.0",
  built: "stack/ollama:1.0",
  recipe: "ollama",
  policy: "missing",
  present: {},
  locked: {},
};
const idA = `sha256:${"a".repeat(64)}`;
const idB = `sha256:${"b".repeat(64)}`;
const digest = `ollama/ollama@sha256:${"c".repeat(64)}`;

describe("the image that is run", () => {
  it.each<[string, Partial<ImageQuestion>, Partial<ImageChoice>]>([
    [
      "the engine's own, pulled when nothing is here",
      {},
      { reference: "ollama/ollama:1.0", exact: "ollama/ollama:1.0", pull: true, id: undefined },
    ],
    [
      "the one that was built here, when the standard one is not here",
      { present: { "stack/ollama:1.0": idA } },
      { reference: "stack/ollama:1.0", exact: "stack/ollama:1.0", pull: false, id: idA },
    ],
    [
      "the standard one before the built one",
      { present: { "ollama/ollama:1.0": idB, "stack/ollama:1.0": idA } },
      { reference: "ollama/ollama:1.0", exact: "ollama/ollama:1.0", pull: false, id: idB },
    ],
    [
      "the one that was named, and no other",
      { wanted: "mine:2", present: { "stack/ollama:1.0": idA } },
      { reference: "mine:2", exact: "mine:2", pull: true, id: undefined },
    ],
    [
      "by digest, once it is locked",
      { locked: { "ollama/ollama:1.0": { id: idA, digest } } },
      { reference: "ollama/ollama:1.0", exact: digest, pull: true, id: undefined, lockedId: idA },
    ],
    [
      "pulled again on request, whatever the lock says",
      {
        policy: "always",
        present: { "ollama/ollama:1.0": idB },
        locked: { "ollama/ollama:1.0": { id: idA, digest } },
      },
      { reference: "ollama/ollama:1.0", exact: "ollama/ollama:1.0", pull: true, id: idB },
    ],
  ])("%s", (_title, change, expected) => {
    expect(chooseImage({ ...question, ...change })).toEqual({ lockedId: undefined, ...expected });
  });

  it("is held to what was locked also when it was pulled by its tag, as nobody knew a digest", () => {
    const locked = { "ollama/ollama:1.0": { id: idA } };
    const choice = chooseImage({ ...question, locked });
    expect(choice).toMatchObject({ exact: "ollama/ollama:1.0", pull: true });
    expect(heedLock({ ...choice, id: idA })).toMatchObject({ id: idA });
    expect(() => heedLock({ ...choice, id: idB })).toThrow(
      expect.objectContaining({ code: "DIGEST_MISMATCH", exitCode: 7 }),
    );
  });

  it("is refused when the tag has moved since it was locked", () => {
    const moved = {
      ...question,
      present: { "ollama/ollama:1.0": idB },
      locked: { "ollama/ollama:1.0": { id: idA } },
    };
    expect(() => chooseImage(moved)).toThrow(
      expect.objectContaining({ code: "DIGEST_MISMATCH", exitCode: 7 }),
    );
  });

  it("is missed, with the command that builds it, when it must not be pulled", () => {
    expect(() => chooseImage({ ...question, policy: "never" })).toThrow(
      expect.objectContaining({ code: "IMAGE_UNAVAILABLE", next: "stack image build ollama" }),
    );
  });
});
