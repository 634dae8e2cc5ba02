import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { vendorPages } from "./vendor-pages/pages.ts";

const root = path.join(import.meta.dirname, "../..");
const pages = vendorPages(root);

test("the vendors' pages are what `npm run docs` writes now", () => {
  for (const [file, text] of pages) assert.equal(readFileSync(path.join(root, file), "utf8"), text, `${file} is stale: npm run docs`);
});

test("the guides' own samples are found wider exactly where they are", () => {
  const text = pages.find(([file]) => file === "docs/vendors.md")?.[1] ?? "";
  const section = (title: string): string => text.split("\n#### ").find((part) => part.startsWith(title)) ?? "";
  assert.match(section("The guide's trust policy and inline policy"), /all \d+ rows are green/);
  assert.match(section("The interim trust"), /assume\.1\.other-principal|closure\/the trust/);
  assert.match(section("The final trust, the role policy and the bucket policy"), /s3:PutBucketPolicy/);
  assert.match(section("The first step: a role for the AWS service S3"), /s3\.amazonaws\.com/);
  assert.match(section("The final trust, the policy without its optional limit"), /drawbridge-other-bucket/);
  assert.match(section("The final trust, the policy limited to the bucket"), /all \d+ rows are green/);
  assert.match(section("The same trust without the external id"), /no-id/);
  assert.match(section("Both roles with all their policies"), /all \d+ rows are green/);
  assert.match(section("The administrator deployment policy"), /events:CreateApiDestination` \| [^|]*\| implicitly-denied/);
});
