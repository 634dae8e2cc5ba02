/**
 * What every blueprint must stand up to, for each case of its fixtures: the stacks are the fixture's, the documents give what the
 * hand-written access.json says and nothing beyond, every negative row can fail, and no parameter can widen anything.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Blueprint, BlueprintContext } from "../../src/blueprints/parts/blueprint.ts";
import type { Proof } from "../../src/iam/contract/contract.ts";
import { judge } from "../../src/iam/contract/judge.ts";
import { matchesWildcard } from "../../src/iam/evaluate/wildcard.ts";
import { guardrailViolations } from "../../src/iam/guardrails/guardrails.ts";
import { actionWorksOn, expandAction } from "../../src/iam/words/action-catalogue.ts";
import type { LiveDocuments } from "../../src/iam/words/live.ts";
import { ProblemError } from "../../src/problem.ts";
import { upOrder } from "../../stacks/order.ts";
import { deadRows } from "../iam/mutations.ts";
import { decisionOf } from "./access.ts";
import { type FixtureCase, readCases } from "./fixture.ts";
import { like } from "./generated.ts";
import { guardedOf } from "./guarded.ts";
import { liveDocuments } from "./live.ts";

const at = "2026-11-22T03:00:00Z";
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** The suite for one blueprint, over every case in `test/fixtures/<vendor>`. */
export function contractSuite(blueprint: Blueprint): void {
  describe(`blueprint ${blueprint.id}`, () => {
    for (const fixture of readCases(blueprint.vendor)) describe(`case ${fixture.name}`, () => caseTests(blueprint, fixture));
  });
}

function caseTests(blueprint: Blueprint, fixture: FixtureCase): void {
  const { context, access } = fixture;
  const parameters = blueprint.parameters.parse(fixture.parameters) as Record<string, unknown>;
  const live = liveDocuments(blueprint, parameters, context);
  const proof = judge(blueprint.contract(parameters, context), live, at);

  it("gives the stacks of the fixture, in an order that can be run", () => {
    const specs = blueprint.stacks(parameters, context);
    assert.deepEqual(plain(specs), fixture.stacks);
    assert.equal(upOrder(specs).flat().length, specs.length);
  });

  it("gives the same stacks again, whatever the order of the parameters and whatever the stacks gave out", () => {
    const turned = Object.fromEntries(Object.entries(parameters).reverse());
    const { outputs: _, ...fresh } = context;
    assert.deepEqual(blueprint.stacks(blueprint.parameters.parse(turned), context), blueprint.stacks(parameters, context));
    assert.deepEqual(blueprint.stacks(parameters, fresh), blueprint.stacks(parameters, context));
  });

  it("makes roles whose names, where no parameter gives one, are those that a bootstrap lets be made", () => {
    const { roleName: _, ...unnamed } = fixture.parameters;
    const names = roleNames(blueprint, blueprint.parameters.parse(unnamed) as Record<string, unknown>, context);
    assert.ok(names.length > 0);
    for (const name of names)
      assert.ok(
        blueprint.roleNames.some((pattern) => matchesWildcard(pattern, name)),
        name,
      );
  });

  it("hands off the vendor's own fields, as the fixture has them", () => {
    assert.deepEqual(blueprint.handOff(parameters, context), fixture.handOff);
  });

  it("says of everything that it expects where the parameters name it", () => {
    const { buckets, roleNames, keyArns, pointers } = blueprint.expectations(parameters, context);
    for (const name of [...buckets, ...roleNames, ...keyArns]) {
      const [, root, ...parts] = (pointers[name] ?? "").split("/");
      assert.equal(root, "parameters", name);
      const named = parts.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], parameters);
      // A role that nobody named, a key that is to be made, a name that is made from another field.
      const isMade = (named === undefined && roleNames.includes(name)) || named === true;
      assert.ok(named === name || isMade || (typeof named === "string" && name.includes(named)), `${name} isn't at ${pointers[name]}`);
    }
  });

  it("breaks no guardrail", () => {
    assert.deepEqual(violations(blueprint, parameters, context), []);
    const { outputs: _, ...fresh } = context;
    assert.deepEqual(violations(blueprint, parameters, fresh), []);
  });

  it("is proved green with an open trust", () => {
    assert.deepEqual(redRows(proof), []);
    assert.equal(proof.verdict, "green");
    assert.equal(proof.trust, "open");
  });

  it("gives what the guide needs and denies what it doesn't, by the hand-written rows", () => {
    for (const row of access) assert.equal(decisionOf(row, live), row.expect, `${row.why}: ${row.principal} ${row.action} ${row.resource}`);
    assert.ok(access.some((row) => row.expect === "deny"));
  });

  it("grants no action that the hand-written rows don't allow, and none less", () => {
    const derived = allowedActions(proof.rows, context.accountId);
    for (const action of extraActions(blueprint, parameters, context)) derived.add(action);
    assert.deepEqual([...derived].sort(), [...allowedActions(access, context.accountId)].sort());
  });

  it("has no negative row that stays green when its documents are wrong", () => {
    assert.ok(proof.rows.filter((row) => row.expect === "deny" && !row.id.startsWith("closure/")).length > 2);
    assert.deepEqual(deadRows(blueprint.contract(parameters, context), mutable(live), at), []);
  });

  it("has Sids that stand once in each document", () => {
    for (const document of documentsOf(live)) {
      const sids = document.flatMap((statement) => statement.Sid ?? []);
      assert.equal(new Set(sids).size, sids.length);
    }
  });

  if (blueprint.externalId.issuer !== "none") closedTests(blueprint, parameters, context);
  generatedTests(blueprint, fixture);
}

/** The owner's own rights on a key of ours are no grant. */
function allowedActions(rows: readonly { principal: string; action: string; expect: string }[], accountId: string): Set<string> {
  const granted = rows.filter((row) => row.expect === "allow" && row.principal !== `arn:aws:iam::${accountId}:root`);
  return new Set(granted.map((row) => row.action));
}

function violations(blueprint: Blueprint, parameters: Record<string, unknown>, context: BlueprintContext) {
  return guardrailViolations(guardedOf(blueprint.stacks(parameters, context)), blueprint.contract(parameters, context), context);
}

const redRows = (proof: Proof) => proof.rows.filter((row) => row.verdict === "red").map(({ id, because }) => `${id}: ${because.join(" ")}`);

const documentsOf = (live: LiveDocuments) => [
  ...live.roles.flatMap((role) => [role.trust, ...role.inline.map((policy) => policy.document)]).map((document) => document.Statement),
  ...live.buckets.map((bucket) => bucket.policy?.Statement ?? []),
];

/** What our own statements on buckets give beside the role's policies. */
function extraActions(blueprint: Blueprint, parameters: Record<string, unknown>, context: BlueprintContext): string[] {
  const { resources } = blueprint.contract(parameters, context);
  return resources.filter(({ resource }) => resource.includes(":s3:")).flatMap(({ actions }) => actions);
}

/** A role without a policy gets an empty one, for a mutation to have something to add to. */
const mutable = (live: LiveDocuments): LiveDocuments => ({
  ...live,
  roles: live.roles.map((role) => ({
    ...role,
    inline: [...role.inline, { name: "empty", document: { Version: "2012-10-17", Statement: [] } }],
  })),
});

function closedTests(blueprint: Blueprint, parameters: Record<string, unknown>, context: BlueprintContext): void {
  const closed = { ...context, externalIds: [] };

  it("lets nobody in while there is no external id", () => {
    const live = liveDocuments(blueprint, parameters, closed);
    const proof = judge(blueprint.contract(parameters, closed), live, at);
    assert.deepEqual(redRows(proof), []);
    assert.equal(proof.trust, "closed");
    assert.ok(proof.rows.every((row) => row.expect === "deny"));
    assert.deepEqual(violations(blueprint, parameters, closed), []);
    assert.deepEqual(deadRows(blueprint.contract(parameters, closed), mutable(live), at), []);
  });

  it("takes two ids during a rotation, in the same role", () => {
    const rotating = { ...context, externalIds: [...context.externalIds, "the-second-id-4711"] };
    const proof = judge(blueprint.contract(parameters, rotating), liveDocuments(blueprint, parameters, rotating), at);
    assert.deepEqual(redRows(proof), []);
    assert.deepEqual(roleNames(blueprint, parameters, rotating), roleNames(blueprint, parameters, context));
  });
}

function roleNames(blueprint: Blueprint, parameters: Record<string, unknown>, context: BlueprintContext): string[] {
  return blueprint.stacks(parameters, context).flatMap((spec) => (spec.kind === "role" ? [spec.inputs.name] : []));
}

/** Undefined when the schema or the blueprint refuses by name, which is always right. */
function accepted(blueprint: Blueprint, parameters: unknown, context: BlueprintContext): Record<string, unknown> | undefined {
  const parsed = blueprint.parameters.safeParse(parameters);
  if (!parsed.success) return;
  try {
    return violations(blueprint, parsed.data as Record<string, unknown>, context).length > 0
      ? undefined
      : (parsed.data as Record<string, unknown>);
  } catch (error) {
    assert.ok(error instanceof ProblemError, String(error));
    return;
  }
}

function generatedTests(blueprint: Blueprint, { context, parameters: written, access }: FixtureCase): void {
  const allowed = allowedActions(access, context.accountId);
  const services = new Set(["iam", "sts", "s3", "kms", ...[...allowed].map((action) => action.slice(0, action.indexOf(":")))]);
  const tries = [...services].flatMap((service) => expandAction(`${service}:*`)).filter((action) => !allowed.has(action));

  it("never gives anything beyond, whatever the parameters are", () => {
    let tried = 0;
    const property = fc.property(like(written), (generated) => {
      const parameters = accepted(blueprint, generated, context);
      if (parameters === undefined) return;
      tried += 1;
      const live = liveDocuments(blueprint, parameters, context);
      assert.deepEqual(redRows(judge(blueprint.contract(parameters, context), live, at)), []);
      for (const row of probes(live, tries)) {
        assert.equal(decisionOf(row, live), "deny", `${row.action} on ${row.resource}`);
      }
    });
    fc.assert(property, { numRuns: 25, seed: 4711 });
    assert.ok(tried > 2, "hardly any generated parameters were accepted");
  });

  it("keeps its roles' names as long as the immutable parameters stay", () => {
    const property = fc.property(like(written), (generated) => {
      const other = { ...(generated as Record<string, unknown>) };
      for (const field of blueprint.immutable) {
        delete other[field];
        if (field in written) other[field] = written[field];
      }
      const parameters = accepted(blueprint, other, context);
      if (parameters !== undefined)
        assert.deepEqual(
          roleNames(blueprint, parameters, context),
          roleNames(blueprint, blueprint.parameters.parse(written) as Record<string, unknown>, context),
        );
    });
    fc.assert(property, { numRuns: 50, seed: 4711 });
  });
}

/** Every action that nothing should allow, as each role, on what its documents name and on neighbours of that. */
function probes(live: LiveDocuments, actions: readonly string[]) {
  return live.roles.flatMap((role) => {
    const named = role.inline.flatMap(({ document }) => document.Statement.flatMap((statement) => [statement.Resource ?? []].flat()));
    const resources = new Set(
      named.flatMap((resource) => [resource.replaceAll("*", "probe"), `${resource.replaceAll("*", "probe")}-other`]),
    );
    const principal = `arn:aws:sts::${role.accountId}:assumed-role/${role.name}/probe`;
    return [...resources, "*"].flatMap((resource) =>
      actions.filter((action) => actionWorksOn(action, resource)).map((action) => ({ principal, action, resource })),
    );
  });
}
