import { describe, expect, it } from "vitest";
import { createMetrics } from "./metrics.ts";

describe("createMetrics", () => {
  it("renders counters, a cumulative histogram and gauges", () => {
    const metrics = createMetrics();
    metrics.request("/v1/models", 200);
    metrics.request("/v1/models", 200);
    metrics.request("/v1/models", 401);
    metrics.firstToken(0.2);
    metrics.firstToken(1000);
    metrics.tokens(10, 4, 3);
    const lines = metrics
      .render({
        waiting: 1,
        active: 2,
        slots: 4,
        context: 512,
        model: 'a"b',
        architecture: "llama",
      })
      .split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "# TYPE stack_requests_total counter",
        'stack_requests_total{route="/v1/models",status="200"} 2',
        'stack_requests_total{route="/v1/models",status="401"} 1',
        "stack_prompt_tokens_total 10",
        "stack_prompt_tokens_cached_total 4",
        "stack_generated_tokens_total 3",
        'stack_time_to_first_token_seconds_bucket{le="0.1"} 0',
        'stack_time_to_first_token_seconds_bucket{le="0.25"} 1',
        'stack_time_to_first_token_seconds_bucket{le="+Inf"} 2',
        "stack_time_to_first_token_seconds_count 2",
        "stack_queue_length 1",
        String.raw`stack_model_info{model="a\"b",architecture="llama"} 1`,
      ]),
    );
    expect(lines.at(-1)).toBe("");
  });

  it("has no gauges while there is no model", () => {
    expect(createMetrics().render(undefined)).not.toContain("stack_queue_length");
  });
});
