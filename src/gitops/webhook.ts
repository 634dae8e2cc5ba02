/**
 * GitHub's push deliveries ("Validating webhook deliveries", "Webhook events and payloads: push"). A delivery only says that there is
 * news: what is applied is fetched from the repository itself, so a forged one could at most cause a fetch, and none gets that far.
 */
import { hash } from "node:crypto";
import { verify } from "@octokit/webhooks-methods";
import { z } from "zod";
import { ProblemError } from "../problem.ts";

export interface Delivery {
  /** As they came over the wire: the signature is over them */
  bytes: Uint8Array;
  /** A header by its lower-case name */
  header(name: string): string | undefined;
}

interface Watched {
  branch?: string;
  /** `owner/name` */
  repositoryName?: string;
}

export type Reading = { news: true /** A delivery with one of these was seen already */; keys: string[] } | { news: false; why: string };

const signatureForm = /^sha256=[0-9a-f]{64}$/;
const deliveryForm = /^[0-9a-fA-F-]{8,64}$/;
const commitForm = /^(?!0+$)(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Short secrets can be guessed offline from one delivery. */
const SECRET_LENGTH = 16;

const push = z.object({
  ref: z.string(),
  after: z.string(),
  deleted: z.boolean().default(false),
  repository: z.object({ full_name: z.string() }),
});

/**
 * What a delivery tells, once its signature is known to be right.
 *
 * @throws ProblemError unauthenticated, the same for every reason, before anything of the body is looked at; malformed_body after that
 */
export async function readDelivery({ bytes, header }: Delivery, secret: string | undefined, watched: Watched): Promise<Reading> {
  const text = await authenticText({ bytes, header }, secret);
  const delivery = header("x-github-delivery") ?? "";
  if (!deliveryForm.test(delivery)) throw new ProblemError("malformed_body", "A delivery needs X-GitHub-Delivery.");
  const event = header("x-github-event");
  if (event !== "push") return { news: false, why: event === "ping" ? "It is a ping." : "It isn't a push." };
  const { ref, after, deleted, repository } = readPush(text);
  const branch = watched.branch ?? "main";
  if (watched.repositoryName !== undefined && repository.full_name.toLowerCase() !== watched.repositoryName.toLowerCase()) {
    return { news: false, why: "It is about another repository." };
  }
  if (ref !== `refs/heads/${branch}`) return { news: false, why: `It isn't a push to ${branch}.` };
  if (deleted || !commitForm.test(after)) return { news: false, why: "It deletes the branch, or names no commit." };
  // GitHub doesn't sign the delivery's id, so its content counts too: a replay under another id is a replay.
  const content = hash("sha256", bytes);
  return { news: true, keys: [`delivery:${delivery.toLowerCase()}`, `content:${content}`] };
}

async function authenticText({ bytes, header }: Delivery, secret: string | undefined): Promise<string> {
  const signature = header("x-hub-signature-256") ?? "";
  const plain = /^application\/json(; *charset=utf-8)?$/i.test(header("content-type") ?? "") && header("content-encoding") === undefined;
  const text = decode(bytes);
  const possible = plain && text !== undefined && text !== "" && signatureForm.test(signature) && (secret?.length ?? 0) >= SECRET_LENGTH;
  if (possible && (await verify(secret ?? "", text, signature))) return text;
  throw new ProblemError("unauthenticated", "The delivery isn't signed with this source's secret.");
}

/** Bytes that aren't UTF-8 would be signed as something else than they are read as. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function readPush(text: string): z.output<typeof push> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError("malformed_body", "The delivery isn't JSON.");
  }
  const parsed = push.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ProblemError("malformed_body", "The delivery isn't a push as GitHub documents it.");
}
