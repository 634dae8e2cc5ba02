import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import test from "node:test";
import { createLog, faultFields, type LogFields, type LogLevel } from "../src/log.ts";

function lines(level: LogLevel, write: (log: ReturnType<typeof createLog>) => void): Record<string, unknown>[] {
  const stream = new PassThrough();
  write(createLog({ level, stream }));
  return String(stream.read() ?? "")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

test("a line is one JSON object with its time, level, message and fields", () => {
  const [line, ...more] = lines("info", (log) => log.warn("slow", { operation: "op-1", ms: 12, status: 200 }));
  assert.deepEqual(more, []);
  const { time, ...rest } = line ?? {};
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.deepEqual(rest, { level: "warn", message: "slow", operation: "op-1", ms: 12, status: 200 });
});

test("fields that aren't on the list don't get through, however they came", () => {
  const smuggled = {
    tenant: "acme",
    externalId: "canary",
    token: "canary",
    level: "error",
    message: "canary",
    time: "canary",
  } as LogFields;
  const nested = { subject: { token: "canary" } } as unknown as LogFields;
  const written = lines("info", (log) => {
    log.info("hello", smuggled);
    log.info("hello", nested);
  });
  assert.doesNotMatch(JSON.stringify(written), /canary/);
  assert.equal(written[0]?.["tenant"], "acme");
  assert.equal(written[0]?.["message"], "hello");
});

test("text can't forge a second line, nor be without end", () => {
  const written = lines("info", (log) => log.info("a", { route: '\n{"level":"error"}', cause: "x".repeat(10_000) }));
  assert.equal(written.length, 1);
  assert.equal(String(written[0]?.["cause"]).length, 2_000);
});

test("lines below the level are dropped", () => {
  const written = lines("warn", (log) => {
    log.info("no");
    log.warn("yes");
    log.error("yes");
  });
  assert.deepEqual(
    written.map((line) => line["level"]),
    ["warn", "error"],
  );
});

test("of an unexpected error its class and place are logged, and its message never is", () => {
  const fields = faultFields(new RangeError("canary\nof two lines"));
  assert.equal(fields.fault, "RangeError");
  assert.match(String(fields.frames), /log\.test\.ts/);
  assert.doesNotMatch(JSON.stringify(fields), /canary|two lines/);
  assert.deepEqual(faultFields("canary"), { fault: "string" });
});
