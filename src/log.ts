/**
 * Writes one JSON object per line to stdout. An allow-list, checked by type and again at run time, decides which fields pass. So a token,
 * an external id or a policy can't get into a log when an object is spread into a call.
 */
import { createLogger, format, transports } from "winston";

/** Every field that a line may have besides `time`, `level` and `message`. They hold names and numbers, never documents. */
const fieldNames = [
  "requestId",
  "subject",
  "tenant",
  "integration",
  "operation",
  "blueprint",
  "kind",
  "state",
  "stack",
  "attempt",
  "epoch",
  "method",
  "route",
  "status",
  "code",
  "cause",
  "ms",
  "count",
  "pid",
  "runner",
  "signal",
  "url",
  "plugin",
  "version",
  "fault",
  "frames",
] as const;

export type LogFields = Partial<Record<(typeof fieldNames)[number], string | number | boolean | undefined>>;

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogLevel = "error" | "warn" | "info" | "debug";

/** The longest text in a field. Stack frames are the longest texts that we write. */
const longest = 2_000;

/**
 * A log that writes JSON lines.
 *
 * @param options.level lines below this level are dropped
 * @param options.stream where to write; default: stdout
 */
export function createLog(options: { level: LogLevel; stream?: NodeJS.WritableStream }): Log {
  // `fields` is a separate property, so that nothing that winston adds to a line counts as one of our fields.
  const line = format.printf(({ level, message, fields }) =>
    JSON.stringify({ time: new Date().toISOString(), level, message, ...(fields as LogFields) }),
  );
  const transport = options.stream ? new transports.Stream({ stream: options.stream }) : new transports.Console();
  const logger = createLogger({ level: options.level, format: line, transports: [transport] });
  return {
    info: (message, fields = {}) => void logger.log("info", message, { fields: allowed(fields) }),
    warn: (message, fields = {}) => void logger.log("warn", message, { fields: allowed(fields) }),
    error: (message, fields = {}) => void logger.log("error", message, { fields: allowed(fields) }),
  };
}

/**
 * The loggable parts of an unexpected error: its class and where it was thrown. The message is left out, because messages of AWS, Pulumi
 * and database clients quote their inputs.
 */
export function faultFields(thrown: unknown): LogFields {
  if (!(thrown instanceof Error)) return { fault: typeof thrown };
  const frames = (thrown.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return {
    fault: thrown.name,
    frames: frames
      .slice(0, 8)
      .map((line) => line.trim())
      .join(" | "),
  };
}

function allowed(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const name of fieldNames) {
    const value = fields[name];
    if (typeof value === "string") kept[name] = value.slice(0, longest);
    if (typeof value === "number" || typeof value === "boolean") kept[name] = value;
  }
  return kept;
}
