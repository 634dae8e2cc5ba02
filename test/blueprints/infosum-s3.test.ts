import assert from "node:assert/strict";
import { test } from "node:test";
import { infosumS3 } from "../../src/blueprints/infosum-s3.ts";
import { contractSuite } from "./contract-suite.ts";

contractSuite(infosumS3);

test("a session name with a space or a pattern, and a prefix that isn't a folder, are refused", () => {
  const right = { bucket: "acme-audiences", sessionName: "acme-import" };
  assert.equal(infosumS3.parameters.safeParse(right).success, true);
  const refused = [{ sessionName: "Your Session Name" }, { sessionName: "*" }, { prefix: "in" }, { prefix: "/in/" }, { bucket: undefined }];
  for (const more of refused) assert.equal(infosumS3.parameters.safeParse({ ...right, ...more }).success, false);
});
