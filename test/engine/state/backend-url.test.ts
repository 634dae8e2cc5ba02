import assert from "node:assert/strict";
import { test } from "node:test";
import { statePlace, withStateProfile } from "../../../src/engine/state/backend-url.ts";
import { ProblemError } from "../../../src/problem.ts";

test("the profile is added to a URL with a query and to one without", () => {
  assert.equal(withStateProfile("s3://b/tenants/a?region=eu-west-1"), "s3://b/tenants/a?region=eu-west-1&profile=state");
  assert.equal(withStateProfile("s3://b/tenants/a"), "s3://b/tenants/a?profile=state");
});

test("a backend URL is read with both spellings of path style and with a bare endpoint", () => {
  assert.deepEqual(statePlace("s3://b/tenants/a/?region=eu-west-1&endpoint=http://127.0.0.1:9&use_path_style=true"), {
    bucket: "b",
    prefix: "tenants/a",
    region: "eu-west-1",
    endpoint: "http://127.0.0.1:9",
    pathStyle: true,
  });
  assert.deepEqual(statePlace("s3://b?endpoint=localhost:9&s3ForcePathStyle=true"), {
    bucket: "b",
    prefix: "",
    region: "us-east-1",
    endpoint: "http://localhost:9",
    pathStyle: true,
  });
});

test("other URLs than S3 URLs are refused", () => {
  for (const url of ["", "file:///tmp", "https://b", "s3://"])
    assert.throws(
      () => statePlace(url),
      (error) => error instanceof ProblemError && error.problem.code === "not_ready",
      url,
    );
});
