import { expect, it } from "vitest";
import { testHost } from "../testing/test-host.ts";
import { createUndoList } from "./undo.ts";

it("takes back in reverse order, past what fails, and only once", async () => {
  await using test = await testHost();
  const undo = createUndoList(test.context);
  const undone: string[] = [];
  undo.add("first", async () => {
    undone.push("first");
  });
  undo.add("second", async () => {
    throw new Error("stuck");
  });
  undo.add("third", async () => {
    undone.push("third");
  });
  await undo.rollBack();
  await undo.rollBack();
  expect(undone).toEqual(["third", "first"]);
  expect(test.events).toContainEqual({
    type: "warning",
    message: 'could not undo "second": stuck',
  });
});

it("gives what it calls a signal that has not fired, though the command's has", async () => {
  await using test = await testHost();
  test.abort.abort();
  const undo = createUndoList(test.context);
  let aborted: boolean | undefined;
  undo.add("x", async (signal) => {
    aborted = signal.aborted;
  });
  await undo.rollBack();
  expect(aborted).toBe(false);
});

it("takes back nothing that came before it was committed", async () => {
  await using test = await testHost();
  const undo = createUndoList(test.context);
  const undone: string[] = [];
  undo.add("before", async () => {
    undone.push("before");
  });
  expect(undo.committed).toBe(false);
  undo.commit();
  undo.add("after", async () => {
    undone.push("after");
  });
  await undo.rollBack();
  expect(undo.committed).toBe(true);
  expect(undone).toEqual(["after"]);
  expect(test.events).toMatchObject([{ type: "step-undone", title: "after" }]);
});
