/** Guards of the threat model as text to take out, and the test that must then fail. */

export interface Guard {
  /** What is taken away */
  without: string;
  file: string;
  /** Stands exactly once in the file. */
  find: string;
  instead: string;
  test: string;
}

export const guards: readonly Guard[] = [
  {
    without: "the check of the path's tenant",
    file: "src/http/serve.ts",
    find: "if (!holdsTenant(caller, tenant)) {",
    instead: "if (!tenant) {",
    test: "test/http/authorisation.test.ts",
  },
  {
    without: "the check of the route's scope",
    file: "src/http/serve.ts",
    find: 'if (route.scope !== "open" && !holdsScope(caller, route.scope)) {',
    instead: "if (caller.subject.length > 1_000) {",
    test: "test/http/authorisation.test.ts",
  },
  {
    without: "the check of who may use routes over all tenants",
    file: "src/http/serve.ts",
    find: 'if (route.everyTenant && caller.tenants !== "*")',
    instead: "if (route.everyTenant && caller.subject.length > 1_000)",
    test: "test/http/authorisation.test.ts",
  },
  {
    without: "one body for absent and foreign things",
    file: "src/http/problem-response.ts",
    find: 'if (problem.code === "not_found") {',
    instead: 'if (problem.code === "not_found" && requestId === "") {',
    test: "test/http/auth.test.ts",
  },
  {
    without: "the end of an API key",
    file: "src/identity/api-keys.ts",
    find: "if (!record || hasEnded(record)) return undefined;",
    instead: "if (!record) return undefined;",
    test: "test/identity/api-keys.test.ts",
  },
  {
    without: "the bound of a key's rights by its maker's",
    file: "src/identity/api-keys.ts",
    find: "if (scopes.length === 0 && fits) return;",
    instead: "if (scopes.length >= 0 || fits) return;",
    test: "test/identity/api-keys.test.ts",
  },
  {
    without: "the pinned audience",
    file: "src/identity/oidc.ts",
    find: "      audience: one.audience,\n",
    instead: "",
    test: "test/identity/oidc.test.ts",
  },
  {
    without: "the pinned algorithms",
    file: "src/identity/oidc.ts",
    find: "      algorithms: one.algorithms,\n",
    instead: "",
    test: "test/identity/oidc.test.ts",
  },
  {
    without: "the longest life of a token",
    file: "src/identity/oidc.ts",
    find: "exp - iat <= one.maxLifetime",
    instead: "exp - iat <= Infinity",
    test: "test/identity/oidc.test.ts",
  },
  {
    without: "refusals in the audit",
    file: "src/http/app.ts",
    find: "services.noteRefusal({ ...who, result: refused, requestId });",
    instead: "void who;",
    test: "test/audit/refusals.test.ts",
  },
  {
    without: "the hash over the row before",
    file: "src/audit/entry.ts",
    find: "canonicalJson({ ...entry, previous })",
    instead: "canonicalJson({ ...entry })",
    test: "test/audit/entry.test.ts",
  },
  {
    without: "limits",
    file: "src/http/serve.ts",
    find: "await services.countRequest(caller, counted);",
    instead: "void counted;",
    test: "test/http/limits.test.ts",
  },
  {
    without: "statements left unprepared that follow a table's columns",
    file: "src/store/prepared.ts",
    find: "|| followsTheTable(text)",
    instead: "",
    test: "test/store/prepared.test.ts",
  },
  {
    without: "a tenant's pace",
    file: "src/http/serve.ts",
    find: 'if (tenant !== undefined && route.scope !== "destroy") await services.keepPace(tenant);',
    instead: "void tenant;",
    test: "test/http/limits.test.ts",
  },
  {
    without: "the wait before a refusal for haste",
    file: "src/http/app.ts",
    find: "else if (answer.status === 429) slowly(send);",
    instead: "else if (answer.status === 0) slowly(send);",
    test: "test/http/limits.test.ts",
  },
  {
    without: "the freeze before each direct write",
    file: "src/audit/write-gate.ts",
    find: "if (await isFrozen())",
    instead: "if (false as boolean)",
    test: "test/audit/store.test.ts",
  },
  {
    without: "the freeze before each job",
    file: "src/operations/freeze.ts",
    find: "if (await isFrozen()) throw",
    instead: "if (false as boolean) throw",
    test: "test/operations/freeze.test.ts",
  },
  {
    without: "the log's list of fields",
    file: "src/log.ts",
    find: "for (const name of fieldNames) {",
    instead: "for (const name of Object.keys(fields)) {",
    test: "test/log.test.ts",
  },
  {
    without: "the comparison of a program's digest",
    file: "src/engine/pins.ts",
    find: "if (digest !== pin) throw",
    instead: 'if (digest === "") throw',
    test: "test/engine/pins.test.ts",
  },
  {
    without: "the refusal of keys such as __proto__",
    file: "src/http/json.ts",
    find: "if (forbiddenKeys.has(key)) {",
    instead: "if (forbiddenKeys.size === 0) {",
    test: "test/http/json.test.ts",
  },
  {
    without: "the refusal of a key given twice",
    file: "src/http/json.ts",
    find: "if (keys?.has(key)) throw",
    instead: "if (keys?.has(`${key}\\n`)) throw",
    test: "test/http/json.test.ts",
  },
  {
    without: "the try of a provisioning role without its external id",
    file: "src/accounts/sts.ts",
    find: "await Promise.all([expectAccount(options, credentials, tenant), probeOnce(tenant, roleArn)]);",
    instead: "void probeOnce; await expectAccount(options, credentials, tenant);",
    test: "test/accounts/sts.test.ts",
  },
  {
    without: "the comparison of the account entered with the one registered",
    file: "src/accounts/sts.ts",
    find: "await Promise.all([expectAccount(options, credentials, tenant), probeOnce(tenant, roleArn)]);",
    instead: "await probeOnce(tenant, roleArn);",
    test: "test/accounts/sts.test.ts",
  },
  {
    without: "the bucket's expected owner",
    file: "src/accounts/clients.ts",
    find: 'if (!("ExpectedBucketOwner" in args.input)) throw',
    instead: 'if (!("Bucket" in args.input)) throw',
    test: "test/accounts/clients.test.ts",
  },
  {
    without: "the vendor's one tenant per external id",
    file: "src/store/external-ids.ts",
    find: "if (claimed.rows.length < digests.length) {",
    instead: "if (claimed.rows.length > digests.length) {",
    test: "test/store/records.test.ts",
  },
  {
    without: "the bound on waiting operations per tenant",
    file: "src/operations/admission.ts",
    find: "if (open < most) return;",
    instead: "if (open >= 0) return;",
    test: "test/operations/admission.test.ts",
  },
  {
    without: "a webhook's signature",
    file: "src/gitops/webhook.ts",
    find: 'if (possible && (await verify(secret ?? "", text, signature))) return text;',
    instead: "if (possible) return text;",
    test: "test/e2e/webhook.test.ts",
  },
  {
    without: "the fence around records of an operation that was taken over",
    file: "src/store/writer.ts",
    find: '    .where("epoch", "=", epoch)\n',
    instead: "",
    test: "test/faults/campaigns.test.ts",
  },
  {
    without: "the fence around events of an operation that was taken over",
    file: "src/store/events.ts",
    find: "and epoch = ${epoch} and state = 'running'",
    instead: "",
    test: "test/store/operations.test.ts",
  },
];
