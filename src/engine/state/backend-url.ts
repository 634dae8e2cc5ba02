/** The address of the state, in the form of Pulumi's S3 backend and in the form of our own S3 reads. Pure. */
import { ProblemError } from "../../problem.ts";

/** The parts of a state URL. */
export interface StatePlace {
  bucket: string;
  /** No leading or trailing slash; "" for the bucket's root */
  prefix: string;
  region: string;
  endpoint?: string;
  pathStyle: boolean;
}

/** The same URL with the `state` profile of the update's credentials file. */
export function withStateProfile(backendUrl: string): string {
  return `${backendUrl}${backendUrl.includes("?") ? "&" : "?"}profile=state`;
}

/**
 * Parses a state or backend URL. Accepts both spellings of path style: gocloud's `use_path_style` and the older `s3ForcePathStyle`
 * (gocloud.dev/aws, "URL parameters").
 *
 * @throws `not_ready` for a URL that isn't `s3://bucket…`
 */
export function statePlace(url: string): StatePlace {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "s3:" || parsed.hostname === "")
    throw new ProblemError("not_ready", "The state URL must look like s3://bucket/prefix?region=us-east-1.");
  const query = parsed.searchParams;
  const endpoint = query.get("endpoint");
  return {
    bucket: parsed.hostname,
    prefix: decodeURIComponent(parsed.pathname).replace(/^\/+|\/+$/g, ""),
    region: query.get("region") ?? "us-east-1",
    ...(endpoint ? { endpoint: endpoint.includes("://") ? endpoint : `http://${endpoint}` } : {}),
    pathStyle: query.get("use_path_style") === "true" || query.get("s3ForcePathStyle") === "true",
  };
}
