/** Entity tags (RFC 9110 §8.8.3): a hash of what the user wrote, so they change when the desired state changes. */
import { RequestError } from "./problem-response.ts";

/** The tag as a header holds it. */
export function entityTag(etag: string): string {
  return `"${etag}"`;
}

/**
 * The tag of an If-Match header, without quotes, or `*` for any state.
 *
 * Lists and weak tags are refused: a change names the one state that it changes, and one body has one strong tag.
 *
 * @throws RequestError `invalid_request`
 */
export function readIfMatch(header: string | undefined): string | undefined {
  if (header === undefined || header === "*") return header;
  const tag = /^"([\x21\x23-\x7e]{1,128})"$/.exec(header)?.[1];
  if (tag !== undefined) return tag;
  throw new RequestError([{ in: "header", name: "If-Match", detail: "Give one strong entity tag, as the ETag header had it, or *" }]);
}
