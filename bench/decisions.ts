/**
 * How many access decisions a second one core makes, for a role with five policies of ten statements each. Run it by hand:
 * `node bench/decisions.ts`. It exits with 1 below the floor that docs/benchmarks.md gives.
 */
import { type AccessDocuments, type AccessRequest, evaluate } from "../src/iam/evaluate/evaluate.ts";
import type { NamedDocument } from "../src/iam/words/live.ts";
import type { Statement } from "../src/iam/words/policy-document.ts";

const floor = 20_000;
const rounds = 5;
const perRound = 100_000;

/** Ten statements as roles have them: a few actions on a few resources, some under conditions, one Deny among them. */
function statements(policy: number): Statement[] {
  return Array.from({ length: 10 }, (_, index): Statement => {
    const bucket = `arn:aws:s3:::bucket-${policy}-${index}`;
    return {
      Sid: `S${index}`,
      Effect: index === 9 ? "Deny" : "Allow",
      Action: index === 9 ? "s3:Delete*" : ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
      Resource: [bucket, `${bucket}/in/*`],
      ...(index % 3 === 0 && { Condition: { StringLike: { "s3:prefix": ["in/*", "out/*"] }, Bool: { "aws:SecureTransport": "true" } } }),
    };
  });
}

const identity: NamedDocument[] = Array.from({ length: 5 }, (_, policy) => ({
  name: `policy ${policy}`,
  document: { Version: "2012-10-17", Statement: statements(policy) },
}));
const documents: AccessDocuments = { identity, resourceAccount: "111122223333" };
const requests: AccessRequest[] = Array.from({ length: 100 }, (_, index) => ({
  principal: "arn:aws:sts::111122223333:assumed-role/Data/run",
  action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"][index % 4] ?? "s3:GetObject",
  resource: `arn:aws:s3:::bucket-${index % 6}-${index % 11}/in/file-${index}`,
  context: { "aws:SecureTransport": "true", "s3:prefix": "in/" },
}));

/** Decisions a second of processor time, so that busy neighbours on the machine don't count, in one round, with how many were allowed, so that nothing can be optimised away. */
function round(): { perSecond: number; allowed: number } {
  const start = process.cpuUsage();
  let allowed = 0;
  for (let index = 0; index < perRound; index++) {
    const request = requests[index % requests.length];
    if (request !== undefined && evaluate(request, documents).decision === "allowed") allowed++;
  }
  const { user, system } = process.cpuUsage(start);
  return { perSecond: (perRound / (user + system)) * 1_000_000, allowed };
}

round();
const measured = Array.from({ length: rounds }, round);
const figures = measured.map(({ perSecond }) => Math.round(perSecond)).sort((a, b) => a - b);
const median = figures[Math.floor(rounds / 2)] ?? 0;
console.log(
  `${median} decisions/s (median of ${rounds} rounds of ${perRound}; all: ${figures.join(", ")}; ${measured[0]?.allowed} of a round allowed)`,
);
process.exitCode = median >= floor ? 0 : 1;
