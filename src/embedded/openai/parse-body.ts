import type * as z from "zod";
import { badRequest } from "./api-error.ts";

/** Reads a request body through its schema; the first problem becomes a 400 that names the parameter. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  const param = issue.path.map(String).join(".");
  throw badRequest(
    param === ""
      ? `Invalid request body: ${issue.message}.`
      : `Invalid '${param}': ${issue.message}.`,
    param === "" ? undefined : param,
    "invalid_value",
  );
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A union reports one list of issues per member; the one that got furthest is what the caller meant. */
function deepest(issue: z.core.$ZodIssue | undefined): Issue {
  if (issue === undefined) return { path: [], message: "not valid" };
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .flatMap((issues) => (issues[0] === undefined ? [] : [deepest(issues[0])]))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (inner === undefined || inner.path.length === 0) {
    return { path: issue.path, message: "it has the wrong type" };
  }
  return { path: [...issue.path, ...inner.path], message: inner.message };
}
