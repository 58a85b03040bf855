/** Upper bounds of the time-to-first-token histogram, in seconds. */
const TTFT_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] as const;

interface Gauges {
  readonly waiting: number;
  readonly active: number;
  readonly slots: number;
  readonly context: number;
  readonly model: string;
  readonly architecture: string;
}

/** Counters of one server, rendered in Prometheus' text format 0.0.4. */
export interface Metrics {
  request(route: string, status: number): void;
  firstToken(seconds: number): void;
  tokens(prompt: number, cached: number, completion: number): void;
  render(gauges: Gauges | undefined): string;
}

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const buckets = TTFT_BUCKETS.map(() => 0);
  const totals = { prompt: 0, cached: 0, completion: 0, ttftSum: 0, ttftCount: 0 };
  return {
    request(route, status) {
      const labels = `route="${escapeLabel(route)}",status="${status}"`;
      requests.set(labels, (requests.get(labels) ?? 0) + 1);
    },
    firstToken(seconds) {
      totals.ttftSum += seconds;
      totals.ttftCount += 1;
      TTFT_BUCKETS.forEach((bound, index) => {
        if (seconds <= bound) buckets[index] = (buckets[index] ?? 0) + 1;
      });
    },
    tokens(prompt, cached, completion) {
      totals.prompt += prompt;
      totals.cached += cached;
      totals.completion += completion;
    },
    render(gauges) {
      const ttft = "stack_time_to_first_token_seconds";
      return [
        ...family(
          "stack_requests_total",
          "counter",
          "Requests by route and status.",
          [...requests].map(([labels, count]) => `{${labels}} ${count}`),
        ),
        ...family("stack_prompt_tokens_total", "counter", "Tokens of prompts.", [
          ` ${totals.prompt}`,
        ]),
        ...family(
          "stack_prompt_tokens_cached_total",
          "counter",
          "Tokens of prompts that were in memory already.",
          [` ${totals.cached}`],
        ),
        ...family("stack_generated_tokens_total", "counter", "Tokens of answers.", [
          ` ${totals.completion}`,
        ]),
        ...family(ttft, "histogram", "Seconds from request to first token, waiting included.", []),
        ...TTFT_BUCKETS.map((bound, index) => `${ttft}_bucket{le="${bound}"} ${buckets[index]}`),
        `${ttft}_bucket{le="+Inf"} ${totals.ttftCount}`,
        `${ttft}_sum ${totals.ttftSum}`,
        `${ttft}_count ${totals.ttftCount}`,
        ...(gauges === undefined ? [] : gaugeLines(gauges)),
        "",
      ].join("\n");
    },
  };
}

function gaugeLines(gauges: Gauges): readonly string[] {
  const { waiting, active, slots, context, model, architecture } = gauges;
  const labels = `model="${escapeLabel(model)}",architecture="${escapeLabel(architecture)}"`;
  return [
    ...family("stack_queue_length", "gauge", "Requests that wait.", [` ${waiting}`]),
    ...family("stack_conversations_active", "gauge", "Requests that run.", [` ${active}`]),
    ...family("stack_conversations", "gauge", "Requests that can run at once.", [` ${slots}`]),
    ...family("stack_context_tokens", "gauge", "Tokens of one conversation.", [` ${context}`]),
    ...family("stack_model_info", "gauge", "The served model.", [`{${labels}} 1`]),
  ];
}

function family(
  name: string,
  type: string,
  help: string,
  samples: readonly string[],
): readonly string[] {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...samples.map((sample) => `${name}${sample}`),
  ];
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
