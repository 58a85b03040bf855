import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { testHost } from "../testing/test-host.ts";
import { checkStoreOpen } from "./container-start.ts";

it.each([
  [0o755, undefined],
  [0o2775, undefined],
  [0o700, "MODEL_UNAVAILABLE"],
  [0o754, "MODEL_UNAVAILABLE"],
])("a store of mode %o: %s", async (mode, code) => {
  await using test = await testHost({ platform: "linux" });
  const root = join(test.home, "models");
  await mkdir(root);
  await chmod(root, mode);
  const checked = checkStoreOpen(test.context, root);
  if (code === undefined) await checked;
  else await expect(checked).rejects.toMatchObject({ code, next: `chmod o+rx ${root}` });
});
