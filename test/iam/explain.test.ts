import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccessDocuments, type AccessRequest, evaluate } from "../../src/iam/evaluate/evaluate.ts";
import { explain } from "../../src/iam/evaluate/explain.ts";
import { externalIdFingerprint } from "../../src/iam/words/external-id.ts";
import { closedTrust, vendorTrust } from "../../src/iam/words/trust.ts";

const principal = "arn:aws:sts::444455556666:assumed-role/Vendor/job";
const request: AccessRequest = {
  principal,
  action: "sts:AssumeRole",
  resource: "arn:aws:iam::111122223333:role/Bridge",
  context: { "sts:ExternalId": "id-of-acme" },
};
const open: AccessDocuments = {
  trust: {
    name: "the trust of role Bridge",
    document: vendorTrust([{ principal: "arn:aws:iam::444455556666:role/Vendor", externalIds: ["id-of-acme"] }]),
  },
  assumeCallerAllows: true,
};
const explained = (asked: AccessRequest, documents: AccessDocuments): string[] => explain(asked, evaluate(asked, documents));

test("an allowed request is explained by the statement that allows it, without its external id", () => {
  const [answer, reason, remedy] = explained(request, open);

  assert.equal(
    answer,
    `${principal} is allowed to do sts:AssumeRole on ${request.resource} with sts:ExternalId ${externalIdFingerprint("id-of-acme")}.`,
  );
  assert.equal(reason, "It is allowed by statement DrawbridgeTrust of the trust of role Bridge, and nothing denies it.");
  assert.equal(remedy, "It ends when statement DrawbridgeTrust of the trust of role Bridge goes or is narrowed.");
});

test("a request that nothing allows is explained by the side that is missing", () => {
  const [answer, reason, remedy] = explained({ ...request, context: {} }, open);

  assert.match(answer ?? "", /is not allowed to do sts:AssumeRole/);
  assert.match(reason ?? "", /trust policy doesn't let this principal in/);
  assert.match(remedy ?? "", /a statement must name this action/);
});

test("a denied request is explained by the Deny", () => {
  const [answer, reason] = explained(request, { trust: { name: "the trust of role Bridge", document: closedTrust() } });

  assert.match(answer ?? "", /is forbidden to/);
  assert.equal(reason, "It is denied by statement DrawbridgeClosed of the trust of role Bridge, and a Deny wins over every Allow.");
});

test("an undetermined request is explained by what can't be judged", () => {
  const document = vendorTrust([{ principal: "arn:aws:iam::444455556666:role/Vendor", externalIds: ["id-of-acme"] }]);
  for (const statement of document.Statement) statement.Condition = { StringMatches: { "sts:ExternalId": "x" } };

  const [answer, reason] = explained(request, { ...open, trust: { name: "the trust of role Bridge", document } });

  assert.match(answer ?? "", /may or may not be allowed/);
  assert.match(
    reason ?? "",
    /hangs on statement DrawbridgeTrust of the trust of role Bridge: the condition operator StringMatches isn't known/,
  );
});
