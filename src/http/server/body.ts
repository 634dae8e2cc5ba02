/** Reads a request's body from the socket and checks it. */
import { MIMEType } from "node:util";
import express, { type Request, type RequestHandler, type Response } from "express";
import { ProblemError } from "../../problem.ts";
import { parseStrictJson } from "./json.ts";

/** The most bytes that a body may have, unless its route sets another limit. */
export const defaultBodyLimit = 64 * 1024;

export interface JsonBody {
  /** The bytes as they were sent. */
  bytes: Buffer;
  value: unknown;
}

/** Reads the request bodies of one route. */
export type BodyReader = (request: Request, response: Response) => Promise<JsonBody>;

/**
 * A reader of JSON bodies of up to `limit` bytes.
 *
 * It rejects with ProblemError `unsupported_media_type` (another type or charset, or a compressed body), with `body_too_large` (the rest is
 * read and dropped, so that the client can read the answer), and with the errors of parseStrictJson.
 */
export function jsonBodyReader(limit: number = defaultBodyLimit): BodyReader {
  const readBytes = bytesReader(limit);
  return async (request, response) => {
    refuseOtherTypes(request.get("content-type"));
    const bytes = await readBytes(request, response);
    return { bytes, value: parseStrictJson(bytes) };
  };
}

/**
 * A reader of raw bodies of up to `limit` bytes. It keeps the bytes as they were sent, because a signature covers them.
 *
 * It rejects with ProblemError `body_too_large` and `unsupported_media_type` (a compressed body).
 */
export function bytesReader(limit: number = defaultBodyLimit): (request: Request, response: Response) => Promise<Buffer> {
  const raw: RequestHandler = express.raw({ type: () => true, limit, inflate: false });
  return (request, response) =>
    new Promise<Buffer>((resolve, reject) => {
      raw(request, response, (error?: unknown) => {
        if (error) reject(bodyProblem(error, limit));
        else resolve(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0));
      });
    });
}

function refuseOtherTypes(header: string | undefined): void {
  const type = header === undefined ? undefined : parseType(header);
  const charset = type?.params.get("charset") ?? "utf-8";
  if (type?.essence === "application/json" && /^utf-?8$/i.test(charset)) return;
  throw new ProblemError("unsupported_media_type", "Send the body as application/json in UTF-8.");
}

function parseType(header: string): MIMEType | undefined {
  try {
    return new MIMEType(header);
  } catch {
    return undefined;
  }
}

/** Translates the errors of body-parser and raw-body (their `type`s are documented) into ours. */
function bodyProblem(error: unknown, limit: number): ProblemError {
  const type = error instanceof Error && "type" in error ? error.type : undefined;
  if (type === "entity.too.large") return new ProblemError("body_too_large", `The body is larger than ${limit} bytes.`);
  if (type === "encoding.unsupported") return new ProblemError("unsupported_media_type", "Send the body uncompressed.");
  return new ProblemError("malformed_body", "The body ended before its announced length.");
}
