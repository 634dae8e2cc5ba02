/** The state bucket as objects: the few S3 calls that we make without a CLI process. */
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { ProblemError } from "../../problem.ts";
import type { Credentials } from "../engine.ts";
import type { StatePlace } from "./backend-url.ts";

/** Reads and writes throw `not_ready` if the bucket can't be used. */
export interface StateBucket {
  /** The text of an object or of one of its versions; undefined if it doesn't exist. */
  read(key: string, version?: string): Promise<string | undefined>;
  /** Writes an object unless it exists. Returns whether this call wrote it. */
  create(key: string, body: string): Promise<boolean>;
  overwrite(key: string, body: string): Promise<void>;
  list(prefix: string): Promise<string[]>;
  /** An object's versions, newest first. */
  versions(key: string): Promise<string[]>;
  remove(key: string): Promise<void>;
  removeAll(keys: readonly string[]): Promise<void>;
  close(): void;
}

const statusOf = (error: unknown) => (error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined);
/** The maximum of one DeleteObjects call (S3 API reference) */
const mostRemoved = 1000;

function unusable(error: unknown): never {
  const cause = error instanceof Error ? error.name : "unknown";
  throw new ProblemError("not_ready", "The state bucket can't be read or written. Check its name, region and the service's rights.", {
    cause,
  });
}

/** Opens the bucket with the credentials of the `state` profile. */
export function openBucket({ bucket: Bucket, region, pathStyle, endpoint }: StatePlace, credentials: Credentials): StateBucket {
  const s3 = new S3Client({
    region,
    credentials,
    forcePathStyle: pathStyle,
    ...(endpoint ? { endpoint } : {}),
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });

  async function list(prefix: string): Promise<string[]> {
    const found: string[] = [];
    let token: string | undefined;
    do {
      const next = token ? { ContinuationToken: token } : {};
      const page = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ...next })).catch(unusable);
      for (const { Key } of page.Contents ?? []) if (Key) found.push(Key);
      token = page.NextContinuationToken;
    } while (token);
    return found;
  }

  return {
    list,
    async read(key, version) {
      try {
        const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key: key, VersionId: version }));
        return await Body?.transformToString();
      } catch (error) {
        if (error instanceof S3ServiceException && error.name === "NoSuchKey") return undefined;
        // If a session may list only its own prefix, S3 answers 403 for a key that doesn't exist (GetObject, "Permissions").
        if (statusOf(error) === 403 && version === undefined && !(await list(key)).includes(key)) return undefined;
        return unusable(error);
      }
    },
    async create(key, body) {
      try {
        await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: body, IfNoneMatch: "*" }));
        return true;
      } catch (error) {
        if (statusOf(error) === 412 || statusOf(error) === 409) return false;
        return unusable(error);
      }
    },
    async overwrite(key, body) {
      await s3.send(new PutObjectCommand({ Bucket, Key: key, Body: body })).catch(unusable);
    },
    async versions(key) {
      // Newest first, as S3 lists them (S3 API reference, "ListObjectVersions").
      const { Versions = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: key })).catch(unusable);
      return Versions.flatMap(({ Key, VersionId }) => (Key === key && VersionId !== undefined ? [VersionId] : []));
    },
    async remove(key) {
      await s3.send(new DeleteObjectCommand({ Bucket, Key: key }));
    },
    async removeAll(keys) {
      for (let at = 0; at < keys.length; at += mostRemoved) {
        const Objects = keys.slice(at, at + mostRemoved).map((Key) => ({ Key }));
        await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }));
      }
    },
    close: () => s3.destroy(),
  };
}
