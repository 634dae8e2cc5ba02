import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { parseStrictJson } from "../../src/http/server/json.ts";
import { ProblemError, pointerTo } from "../../src/problem.ts";

const parse = (text: string) => parseStrictJson(Buffer.from(text));
const refuses = (text: string | Uint8Array, code: string, pointer?: string) =>
  assert.throws(
    () => parseStrictJson(typeof text === "string" ? Buffer.from(text) : text),
    (error) => {
      assert.ok(error instanceof ProblemError, String(error));
      assert.equal(error.problem.code, code);
      assert.equal(error.problem.pointer, pointer);
      return true;
    },
  );

const nests = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

test("plain JSON is read as JSON.parse reads it", () => {
  const storable = fc
    .jsonValue({ maxDepth: 10 })
    .filter((value) => !/__proto__|constructor|prototype|\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value)));
  fc.assert(
    fc.property(storable, (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parse(text), JSON.parse(text));
    }),
  );
});

test("every text that JSON.parse refuses is refused", () => {
  const nearly = fc.stringMatching(/^[[\]{}":,\\ \n0-9eE.+\-a-zA-Z/*]{0,30}$/);
  fc.assert(
    fc.property(nearly, (text) => {
      let accepted = true;
      try {
        JSON.parse(text);
      } catch {
        accepted = false;
      }
      if (!accepted) refusesAnyhow(text);
    }),
    { numRuns: 2_000 },
  );
});

function refusesAnyhow(text: string): void {
  assert.throws(() => parse(text), ProblemError);
}

test("a repeated key is refused, with a pointer to it", () => {
  refuses('{"a":1,"a":1}', "malformed_body", "/a");
  refuses('{"a":[{"b":1},{"b":1,"c":2,"b":3}]}', "malformed_body", "/a/1/b");
  refuses('{"a":1,"\\u0061":2}', "malformed_body", "/a");
  refuses('{"a/b":1,"a/b":1}', "malformed_body", "/a~1b");
  assert.deepEqual(parse('{"a":{"b":1},"b":{"a":1}}'), { a: { b: 1 }, b: { a: 1 } });
});

test("an object with any repeated key is refused", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), fc.integer({ min: 0, max: 8 }), (key, other, depth) => {
      const name = JSON.stringify(key);
      const object = `{${name}:1,${JSON.stringify(`${other}x${key}`)}:2,${name}:3}`;
      refusesAnyhow('{"deeper":'.repeat(depth) + object + "}".repeat(depth));
    }),
  );
});

test("a key that could change a prototype is refused at any depth, also if it is escaped", () => {
  refuses('{"__proto__":{"admin":true}}', "malformed_body", "/__proto__");
  refuses('{"parameters":{"constructor":{}}}', "malformed_body", "/parameters/constructor");
  refuses('{"a":[{"prototype":1}]}', "malformed_body", "/a/0/prototype");
  refuses('{"\\u005f_proto__":1}', "malformed_body", "/__proto__");
  assert.deepEqual(parse('{"a":"__proto__"}'), { a: "__proto__" });
});

test("twenty levels are read, twenty-one are refused, and a million levels are refused at once", () => {
  assert.doesNotThrow(() => parse(nests(20)));
  refuses(nests(21), "malformed_body");
  refuses(nests(10_000), "malformed_body");
  refuses("[".repeat(1_000_000), "malformed_body");
  refuses('{"a":'.repeat(10_000), "malformed_body");
  assert.deepEqual(parse(`{"a":"${"[".repeat(100)}\\"${"[".repeat(100)}"}`), { a: `${"[".repeat(100)}"${"[".repeat(100)}` });
});

test("a syntax error gives the line and the column and never quotes the text", () => {
  assert.throws(
    () => parse('{\n  "token": secret\n}'),
    (error) => error instanceof ProblemError && /line 2, column 12/.test(error.problem.detail) && !error.problem.detail.includes("secret"),
  );
});

test("comments, trailing commas, several values, an empty text and a byte order mark are refused", () => {
  for (const text of [
    "{} // hi",
    "/* */ {}",
    '{"a":1,}',
    "[1,]",
    "{} {}",
    "",
    "  \n",
    "\ufeff{}",
    "NaN",
    "'a'",
    "{a:1}",
    '"\t"',
    "01",
    "1e",
    '"\\x41"',
  ]) {
    refuses(text, "malformed_body");
  }
});

test("bytes that aren't UTF-8 are refused", () => {
  refuses(Buffer.from([0x22, 0xc3, 0x28, 0x22]), "malformed_body");
  refuses(Buffer.from('{"a":1}', "utf16le"), "malformed_body");
});

test("text that PostgreSQL can't store is refused with a pointer to it", () => {
  refuses('{"a":"x\\u0000"}', "invalid_request", "/a");
  refuses('{"a":["\\ud800"]}', "invalid_request", "/a/0");
  refuses('{"a":{"\\u0000":1}}', "invalid_request", "/a/\u0000");
  assert.deepEqual(parse('{"a":"\\ud83d\\ude00"}'), { a: "😀" });
});

test("a megabyte of keys or numbers is read in little processor time", () => {
  const object = `{${Array.from({ length: 70_000 }, (_, at) => `"key${at}":${at}`).join(",")}}`;
  // Processor time, not elapsed time: other tests run at the same time
  const start = process.cpuUsage();
  parse(object);
  parse(`[${"1,".repeat(500_000)}1]`);
  assert.ok(process.cpuUsage(start).user < 2_000_000, "two megabytes took two seconds");
});

test("a pointer escapes ~ and /", () => {
  assert.equal(pointerTo(["a/b", "~", 0]), "/a~1b/~0/0");
  assert.equal(pointerTo([]), "");
});
