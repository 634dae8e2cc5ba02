/** Recorded requests as rows of the fixture: one of each shape, without what differs from run to run, judged by the evaluator. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { evaluate } from "../../src/iam/evaluate/evaluate.ts";
import { canonicalJson, type PolicyDocument } from "../../src/iam/words/policy-document.ts";
import type { IamRequest } from "./iam-request.ts";
import type { Recorded } from "./recorder.ts";

export interface Row extends IamRequest {
  /** The test that makes this call, below test/ */
  by: string;
  accountId: string;
  tenant: string;
  boundary?: string;
}

export const fixturePath = path.join(import.meta.dirname, "..", "fixtures", "provisioning", "requests.json");

export const readRows = (): Row[] => (existsSync(fixturePath) ? (JSON.parse(readFileSync(fixturePath, "utf8")) as Row[]) : []);

/** What tells one call from another for the statements of a provisioning policy. */
export function shapeOf({ action, resource, context, tenant, boundary }: Omit<Row, "by" | "accountId">): string {
  const at = (key: string) => [context[key] ?? []].flat();
  const owner = (key: string) => (at(`${key}/drawbridge:tenant`).length === 0 ? "nobody" : at(`${key}/drawbridge:tenant`)[0] === tenant);
  return canonicalJson({
    action,
    on: resource.startsWith("arn:aws:s3") ? "bucket" : (/:([a-z]+)\/[^/]*$/.exec(resource)?.[1] ?? resource.split(/[:/]/)[5] ?? "*"),
    carries: owner("aws:ResourceTag"),
    requests: owner("aws:RequestTag"),
    bounded: boundary === undefined ? "free" : at("iam:PermissionsBoundary")[0] === boundary,
  });
}

/** One row for each shape, in order of actions. */
export function rowsOf(by: string, recorded: readonly Recorded[]): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const { entered, accountId, ...request } of recorded) {
    const { tenant, boundary } = entered;
    const row: Row = { by, ...steady(request), accountId, tenant, ...(boundary !== undefined && { boundary }) };
    const shape = shapeOf(row);
    if (!rows.has(shape)) rows.set(shape, row);
  }
  return rows;
}

/** Key ids and times are others at each run. */
function steady(request: IamRequest): IamRequest {
  const text = JSON.stringify(request)
    .replaceAll(/key\/[0-9a-f-]{36}/g, "key/00000000-0000-4000-8000-000000000000")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "2026-11-22T00:00:00.000Z");
  return JSON.parse(text) as IamRequest;
}

/** Puts a test's rows into the fixture, but for shapes that another test's rows have. */
export function writeRows(by: string, rows: ReadonlyMap<string, Row>): void {
  const others = readRows().filter((row) => row.by !== by);
  const known = new Set(others.map(shapeOf));
  const all = [...others, ...[...rows].flatMap(([shape, row]) => (known.has(shape) ? [] : [row]))];
  const sorted = all.toSorted((a, b) => `${a.action} ${shapeOf(a)}`.localeCompare(`${b.action} ${shapeOf(b)}`));
  writeFileSync(fixturePath, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** Whether the policy lets the provisioning role do it, on keys whose policy leaves that to the account's IAM. */
export function allowedBy(
  permissions: PolicyDocument,
  { action, resource, context, accountId }: IamRequest & { accountId: string },
): boolean {
  const delegation: PolicyDocument = {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: "kms:*", Resource: "*" }],
  };
  const principal = `arn:aws:sts::${accountId}:assumed-role/DrawbridgeProvisioning/op`;
  const documents = {
    identity: [{ name: "bootstrap", document: permissions }],
    ...(resource.includes(":key/") && { keyPolicy: { name: "key", document: delegation } }),
  };
  return evaluate({ principal, action, resource, context }, documents).decision === "allowed";
}
