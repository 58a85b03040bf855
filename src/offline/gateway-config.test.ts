import { describe, expect, it } from "vitest";
import { gatewayConfig, type GatewayConfigInput } from "./gateway-config.ts";

const input: GatewayConfigInput = {
  enginePort: 11_434,
  keySha256: "ab".repeat(32),
  paths: [
    { exact: "/v1/chat/completions", methods: ["POST"] },
    { prefix: "/v1/models/", methods: ["GET", "HEAD"] },
  ],
  port: 4000,
  bodyLimitBytes: 1000,
};

const config = (changes: Partial<GatewayConfigInput> = {}): string =>
  gatewayConfig({ ...input, ...changes });

describe("the configuration", () => {
  it.each([
    [
      "knows the key only by its hash",
      `http_auth_bearer,sha2(256),hex,lower -m str ${"ab".repeat(32)}`,
    ],
    [
      "takes loopback names with and without port",
      "-m str 127.0.0.1 127.0.0.1:4000 localhost localhost:4000 [::1] [::1]:4000",
    ],
    ["lets exact paths through", "acl path_known path /v1/chat/completions\n"],
    ["lets prefixes through", "acl path_known path_beg /v1/models/\n"],
    ["binds methods to paths", "if { method GET HEAD } { path_beg /v1/models/ }\n"],
    ["limits bodies", "{ req.body_size gt 1000 }"],
    [
      "finds the engine by name, again and again",
      "server engine engine:11434 resolvers docker resolve-prefer ipv4 init-addr libc,none\n",
    ],
    ["streams", "option http-no-delay\n"],
    ["stops an engine that nobody listens to", "option abortonclose\n"],
    ["does not hand the key on", "http-request del-header Authorization\n"],
    ["waits for long prompts", "timeout server 30m\n"],
  ])("%s", (_, text) => {
    expect(config()).toContain(text);
  });

  it("says who comes from where nowhere", () => {
    expect(config()).not.toMatch(/forwardfor|X-Forwarded/i);
  });

  it("checks the host before the key, the key before the path, the path before the body", () => {
    const order = [...config().matchAll(/http-request return status (\d+)/g)].map(
      ([, status]) => status,
    );
    expect(order).toEqual(["403", "403", "401", "404", "405", "411", "413"]);
  });

  it("rewords an overflow only for engines with words of their own", () => {
    expect(config()).not.toContain("http-response");
    const told = config({ overflowMarks: ["exceed_context_size_error", "too long"] });
    expect(told).toContain('{ res.body -m sub "exceed_context_size_error" "too long" } { var(');
    const answered = /lf-string '([^']*)'/.exec(told)?.[1] ?? "";
    expect(JSON.parse(answered)).toMatchObject({
      type: "error",
      error: { type: "invalid_request_error", code: "context_length_exceeded" },
    });
  });

  it("answers the endpoint's description, quotes and all", () => {
    expect(config()).not.toContain("/stack/endpoint");
    const json = JSON.stringify({ model: `it's "quoted" \\ %[env(X)]` });
    const answered = /string '([^']*)' if METH_GET \{ path \/stack\/endpoint \}/.exec(
      config({ endpointJson: json }),
    )?.[1];
    expect(JSON.parse(answered ?? "")).toEqual(JSON.parse(json));
  });
});
