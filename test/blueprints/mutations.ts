/** Documents made wrong on purpose: a negative row that stays green on all of them would never find a fault. */
import type { LiveDocuments } from "../../src/iam/live.ts";
import type { PolicyDocument, Statement } from "../../src/iam/policy-document.ts";

export type MutationKind = "condition-removed" | "principal-widened" | "action-added" | "resource-widened";

export interface Mutation {
  kind: MutationKind;
  live: LiveDocuments;
}

type Change = (statement: Statement) => Statement;

/** Each document of the account with each of its statements made wrong in every way; `services` are let in where a principal is widened. */
export function mutations(live: LiveDocuments, services: readonly string[]): Mutation[] {
  return [
    ...each("condition-removed", live, withoutCondition),
    ...each("principal-widened", live, (statement) => withEverybody(statement, services)),
    ...each("resource-widened", live, withEveryResource),
    { kind: "action-added", live: everyDocument(live, allowEverything) },
  ];
}

const withoutCondition: Change = ({ Condition: _, ...statement }) => statement;

const withEverybody = (statement: Statement, services: readonly string[]): Statement =>
  statement.Principal === undefined ? statement : { ...statement, Effect: "Allow", Principal: { AWS: "*", Service: [...services] } };

const withEveryResource: Change = (statement) => (statement.Resource === undefined ? statement : { ...statement, Resource: "*" });

function each(kind: MutationKind, live: LiveDocuments, change: Change): Mutation[] {
  return [{ kind, live: everyDocument(live, (document) => ({ ...document, Statement: document.Statement.map(change) })) }];
}

const allowEverything = (document: PolicyDocument, place: "identity" | "trust" | "resource"): PolicyDocument => {
  if (place === "trust") return document;
  const added: Statement = { Sid: "Added", Effect: "Allow", Action: "*", Resource: "*", ...(place === "resource" && { Principal: "*" }) };
  return { ...document, Statement: [...document.Statement, added] };
};

const nothing: PolicyDocument = { Version: "2012-10-17", Statement: [] };

function everyDocument(
  live: LiveDocuments,
  change: (document: PolicyDocument, place: "identity" | "trust" | "resource") => PolicyDocument,
): LiveDocuments {
  return {
    roles: live.roles.map((role) => ({
      ...role,
      trust: change(role.trust, "trust"),
      inline: [...role.inline, { name: "empty", document: nothing }].map(({ name, document }) => ({
        name,
        document: change(document, "identity"),
      })),
    })),
    buckets: live.buckets.map((bucket) => ({ ...bucket, policy: change(bucket.policy ?? nothing, "resource") })),
    keys: live.keys.map((key) => ({ ...key, policy: change(key.policy, "resource") })),
  };
}

/** What must be able to turn a row red, by what the row tries (src/iam/trust-rows.ts and action-rows.ts name the rows). */
export function mutationsFor(rowId: string): MutationKind[] {
  if (/assume\.\d+\.(no-id|wrong-id|longer-id|other-case-id|no-source|other-account|other-source)$/.test(rowId))
    return ["condition-removed"];
  if (/assume\./.test(rowId)) return ["principal-widened"];
  if (/deny\.other-/.test(rowId)) return ["resource-widened", "action-added"];
  if (/\.(no|other)-[A-Za-z0-9]+:[^.]+(\.\d+)?$/.test(rowId)) return ["condition-removed"];
  return ["action-added"];
}
