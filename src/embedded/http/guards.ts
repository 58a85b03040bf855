import { createHash, timingSafeEqual } from "node:crypto";
import { ApiError } from "../openai/api-error.ts";

/** Whether a Host header names this machine, with the port or without. Anything else is a web page whose name was pointed here (DNS rebinding). */
export function isLocalHost(header: string | undefined): boolean {
  return header !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?$/i.test(header);
}

export function forbiddenHost(): ApiError {
  return new ApiError({
    status: 403,
    type: "permission_error",
    message: "This server answers only to 127.0.0.1, localhost and [::1].",
    code: "host_not_allowed",
  });
}

/** Compares keys in a time that tells nothing about them: digests have one length. */
export function keyChecker(apiKey: string): (authorization: string | undefined) => boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const expected = digest(apiKey);
  return (authorization) => {
    const given = /^Bearer (.*)$/i.exec(authorization ?? "")?.[1];
    return timingSafeEqual(digest(given ?? ""), expected) && given !== undefined;
  };
}

export function unauthorised(authorization: string | undefined): ApiError {
  return new ApiError({
    status: 401,
    type: "authentication_error",
    message:
      authorization === undefined
        ? "You did not provide an API key: send it as 'Authorization: Bearer KEY'."
        : "Incorrect API key provided.",
    code: "invalid_api_key",
    headers: { "www-authenticate": "Bearer" },
  });
}
