import assert from "node:assert/strict";
import { test } from "node:test";
import { cliEnvironment, operationMark, runnerEnvironment } from "../../src/engine/environment.ts";

const host = {
  PATH: "/bin",
  HTTPS_PROXY: "http://proxy",
  AWS_ACCESS_KEY_ID: "AKIAHOST",
  AWS_SECRET_ACCESS_KEY: "hostsecret",
  AWS_SESSION_TOKEN: "hosttoken",
  AWS_PROFILE: "host",
  AWS_WEB_IDENTITY_TOKEN_FILE: "/token",
  AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://credentials",
  PULUMI_ACCESS_TOKEN: "pulumitoken",
  DATABASE_URL: "postgres://u:databasesecret@h/d",
  DRAWBRIDGE_ADMIN_TOKEN: "admintoken",
  NODE_OPTIONS: "--import=/evil.js",
};
const place = { folder: "/var/op", pulumiHome: "/home", backendUrl: "s3://b?profile=state", mark: "op-1" };

test("of the host's variables, the CLI's environment holds only those of the allow-list", () => {
  const environment = cliEnvironment(host, place);
  const text = JSON.stringify(environment);
  for (const secret of ["AKIAHOST", "hostsecret", "hosttoken", "pulumitoken", "databasesecret", "admintoken", "/token", "evil"])
    assert.ok(!text.includes(secret), secret);
  assert.equal(environment["PATH"], "/bin");
  assert.equal(environment["HTTPS_PROXY"], "http://proxy");
});

test("the CLI's environment names the files of credentials, but holds no credential", () => {
  const environment = cliEnvironment(host, { ...place, awsEndpoint: "http://127.0.0.1:1" });
  const aws = Object.entries(environment).filter(([name]) => name.startsWith("AWS_"));
  assert.deepEqual(Object.fromEntries(aws), {
    AWS_SHARED_CREDENTIALS_FILE: "/var/op/credentials",
    AWS_CONFIG_FILE: "/var/op/aws-config",
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_RESPONSE_CHECKSUM_VALIDATION: "when_required",
    AWS_ENDPOINT_URL: "http://127.0.0.1:1",
  });
});

test("a sandbox's variables can't replace those that the engine sets", () => {
  const environment = cliEnvironment(host, { ...place, extra: { DRAWBRIDGE_OPERATION: "forged", HOME: "/root", STAND_IN: "x" } });
  assert.equal(environment["DRAWBRIDGE_OPERATION"], "op-1");
  assert.equal(environment["HOME"], "/var/op");
  assert.equal(environment["STAND_IN"], "x");
});

test("only a destroy may delete resources that the programs protect", () => {
  assert.equal(cliEnvironment(host, { ...place, ignoreProtect: false })["PULUMI_OPTION_IGNORE_PROTECT"], undefined);
  assert.equal(cliEnvironment(host, { ...place, ignoreProtect: true })["PULUMI_OPTION_IGNORE_PROTECT"], "true");
});

test("state is written only at the end if the order says so", () => {
  assert.equal(cliEnvironment(host, place)["PULUMI_SKIP_CHECKPOINTS"], undefined);
  assert.equal(cliEnvironment(host, { ...place, skipCheckpoints: true })["PULUMI_SKIP_CHECKPOINTS"], "true");
});

test("a runner has its uuid from the fork, and no credential", () => {
  assert.deepEqual(runnerEnvironment(host, { runner: "u-1", compileCache: "/cache", pulumiHome: "/home" }), {
    PATH: "/bin",
    HTTPS_PROXY: "http://proxy",
    PULUMI_HOME: "/home",
    DRAWBRIDGE_RUNNER: "u-1",
    NODE_COMPILE_CACHE: "/cache",
  });
});

test("an attempt's marker has the operation and the epoch of its lease", () => {
  assert.equal(operationMark("op_7", 3), "op_7-3");
});
