/** Nothing that somebody else wrote moves a terminal's cursor, colours it, or turns the direction of its text. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { handOffMarkdown } from "../../src/integrations/hand-off/markdown.ts";
import { visibleJson, visibleLine, visibleText, visibleValue } from "../../src/model/visible-text.ts";
import { pause } from "../../src/store/pauses.ts";
import { type Running, start } from "../http/support.ts";
import { drawbridge } from "./support.ts";

const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const hiddenButLines = /[^\n\t\P{C}]|[\p{Cf}\p{Zl}\p{Zp}]/u;
const clears = "\u001b[2J\u001b]0;title\u0007";
const turns = "\u202egnp.exe\u2066";
const reason = `${clears}calm ${turns}\u009b31m`;

const texts = fc.array(
  fc.constantFrom("a", "é", "\u001b", "\u0000", "\u009b", "\u202e", "\u2028", "\u{e0041}", "\n", "\t", "\\", '"', " ", ":", "#"),
  { maxLength: 12 },
);
const text = texts.map((parts) => parts.join(""));

test("no hidden character is left, and JSON says the same as before", () => {
  fc.assert(
    fc.property(text, (given) => {
      assert.doesNotMatch(visibleLine(given), hidden);
      assert.doesNotMatch(visibleText(given), hiddenButLines);
      const value = { [given]: [given] };
      const shown = visibleJson(JSON.stringify(value, null, 2));
      assert.doesNotMatch(shown, hiddenButLines);
      assert.deepEqual(JSON.parse(shown), value);
      assert.doesNotMatch(JSON.stringify(visibleValue(value)), hidden);
    }),
  );
});

test("a text without hidden characters stays as it is", () => {
  for (const plain of ["Größe 3 µm", "日本語", "a\tb\nc", "👍"]) assert.equal(visibleText(plain), plain);
});

test("a hand-off for people holds none", () => {
  const markdown = handOffMarkdown({
    integration: "c1",
    title: `Vendor ${clears}`,
    blueprint: "b",
    version: "1",
    source: { document: "Guide", date: "2026-01-01" },
    accountId: "111122223333",
    region: "eu-west-1",
    partition: "aws",
    revealed: true,
    fields: [{ field: turns, value: `v\u0060${clears}`, where: turns }],
    documents: [
      { name: turns, what: clears, document: { Version: "2012-10-17", Statement: [{ Sid: turns, Effect: "Allow", Action: clears }] } },
    ],
    specs: [],
  });
  assert.doesNotMatch(markdown, hiddenButLines);
});

describe("the command", () => {
  let service: Running;
  before(async () => {
    service = await start();
    await pause(service.store.db, { scope: "service", reason, requestedBy: "mallory" });
  });
  after(() => service?.close());

  const run = (args: string[], tty = false) =>
    drawbridge(args, { env: { DRAWBRIDGE_URL: service.url, DRAWBRIDGE_TOKEN: "admin-token" }, tty });

  test("shows a pause's reason without its escapes, in each format", async () => {
    const table = await run(["get", "pauses"]);
    assert.equal(table.exit, 0, table.err);
    assert.match(table.out, /\\u\{1b\}\[2J/);
    const [json, yaml] = [await run(["get", "pauses", "-o", "json"]), await run(["get", "pauses", "-o", "yaml"])];
    for (const { out } of [table, json, yaml]) assert.doesNotMatch(out, hiddenButLines);
    assert.ok(JSON.stringify(JSON.parse(json.out)).includes(JSON.stringify(reason).slice(1, -1)), "JSON says what it is");
    assert.ok(JSON.stringify(parse(yaml.out)).includes(JSON.stringify(reason).slice(1, -1)), "and so does YAML");
  });

  test("shows on a terminal no escapes but its own", async () => {
    const { out } = await run(["get", "pauses"], true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the command's own colours
    assert.doesNotMatch(out.replaceAll(/\u001b\[\d+m/g, ""), hiddenButLines);
    assert.doesNotMatch(out, /\[2J(?<!\\u\{1b\}\[2J)/);
  });

  test("shows a refusal without what it quotes", async () => {
    const { err, exit } = await run(["describe", `acme/${"\u001b[31m"}c1`]);
    assert.notEqual(exit, 0);
    assert.doesNotMatch(err, hiddenButLines);
  });
});
