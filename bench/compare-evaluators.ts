/**
 * Holds our evaluator against an independent one on generated cases. Run it by hand: `node bench/compare-evaluators.ts [cases] [seed]`.
 * The other one is @cloud-copilot/iam-simulate, whose licence (AGPL-3.0) keeps it out of package.json: it is installed in a temporary
 * folder, run here, and deleted. docs/adr/0050 has the outcome. It exits with 1 if we allow what the other denies.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type AccessDocuments, type AccessRequest, type Decision, evaluate } from "../src/iam/evaluate/evaluate.ts";
import type { PolicyDocument } from "../src/iam/words/policy-document.ts";
import { generateCase } from "./generated-cases.ts";

const otherPackage = "@cloud-copilot/iam-simulate";
const otherVersion = "0.1.173";

interface OtherAnswer {
  resultType: "error" | "single" | "wildcard";
  overallResult?: "Allowed" | "ExplicitlyDenied" | "ImplicitlyDenied";
  errors?: { message: string };
}
type RunOther = (simulation: object, options: object) => Promise<OtherAnswer>;

async function loadOther(folder: string): Promise<RunOther> {
  const install = [
    "install",
    "--prefix",
    folder,
    "--no-audit",
    "--no-fund",
    "--no-save",
    "--ignore-scripts",
    `${otherPackage}@${otherVersion}`,
  ];
  execFileSync("npm", install, { stdio: "ignore" });
  const entry = join(folder, "node_modules", otherPackage, "dist/esm/index.js");
  const loaded = (await import(pathToFileURL(entry).href)) as { runSimulation: RunOther };
  return loaded.runSimulation;
}

/** The same case in the other's words. Keys that are surely absent are left out there. */
function simulation(request: AccessRequest, documents: AccessDocuments, resourceAccount: string): object {
  const policies = (documents.identity ?? []).map(({ name, document }) => ({ name, policy: document }));
  const resourcePolicy: PolicyDocument | undefined = (documents.trust ?? documents.bucketPolicy ?? documents.keyPolicy)?.document;
  return {
    request: {
      principal: request.principal,
      action: request.action,
      resource: { resource: request.resource, accountId: resourceAccount },
      contextVariables: Object.fromEntries(Object.entries(request.context).filter(([, values]) => values.length > 0)),
    },
    identityPolicies: policies,
    serviceControlPolicies: [],
    resourceControlPolicies: [],
    ...(resourcePolicy && { resourcePolicy }),
    ...(documents.session && { sessionPolicy: documents.session.document }),
    ...(documents.boundary && { permissionBoundaryPolicies: [{ name: "boundary", policy: documents.boundary.document }] }),
    ...(documents.publicAccessBlock?.restrictPublicBuckets && { additionalSettings: { s3: { blockPublicAccess: true } } }),
  };
}

const inOurWords = { Allowed: "allowed", ExplicitlyDenied: "explicitly-denied", ImplicitlyDenied: "implicitly-denied" } as const;

interface Tally {
  compared: number;
  refused: Map<string, number>;
  agreed: Map<string, number>;
  differed: Map<string, { count: number; first: object }>;
}

const known = " (a session policy doesn't limit what names the session or everybody: docs/adr/0050)";

/** The one difference in which we allow more, by AWS's own words. */
function isKnown(ours: Decision, documents: AccessDocuments): boolean {
  return (
    ours.decision === "allowed" &&
    documents.session !== undefined &&
    ours.because[0] === "The resource's policy names the principal itself."
  );
}

const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);

async function compare(runOther: RunOther, cases: number, seed: number): Promise<Tally> {
  const tally: Tally = { compared: 0, refused: new Map(), agreed: new Map(), differed: new Map() };
  for (let index = 0; tally.compared < cases && index < cases * 2; index++) {
    const { family, request, documents, resourceAccount } = generateCase(seed + index);
    const asked = simulation(request, documents, resourceAccount);
    const answer = await runOther(asked, {});
    if (answer.resultType === "error" || answer.overallResult === undefined) {
      count(tally.refused, `${family}: ${answer.errors?.message ?? "no answer"}`);
      continue;
    }
    tally.compared++;
    const ours = evaluate(request, documents);
    const theirs = inOurWords[answer.overallResult];
    if (ours.decision === theirs) count(tally.agreed, `${family}: ${theirs}`);
    else {
      const key = `${family}: we say ${ours.decision}, the other ${theirs}${isKnown(ours, documents) ? known : ""}`;
      const before = tally.differed.get(key) ?? { count: 0, first: { seed: seed + index, ...asked, because: ours.because } };
      tally.differed.set(key, { ...before, count: before.count + 1 });
    }
  }
  return tally;
}

const [cases = 6_000, seed = 1] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), "compare-evaluators-"));
try {
  const tally = await compare(await loadOther(folder), cases, seed);
  const licence = /"license": "([^"]*)"/.exec(readFileSync(join(folder, "node_modules", otherPackage, "package.json"), "utf8"))?.[1];
  console.log(`${tally.compared} cases from seed ${seed} against ${otherPackage} ${otherVersion} (${licence})`);
  for (const [key, times] of [...tally.agreed].sort()) console.log(`  agreed   ${times}  ${key}`);
  for (const [key, times] of [...tally.refused].sort()) console.log(`  refused  ${times}  ${key}`);
  for (const [key, { count: times, first }] of [...tally.differed].sort())
    console.log(`  differed ${times}  ${key}\n${JSON.stringify(first)}`);
  process.exitCode = [...tally.differed.keys()].some((key) => key.includes("we say allowed") && !key.endsWith(known)) ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
