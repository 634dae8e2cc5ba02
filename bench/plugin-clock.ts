/** Loaded into the stand-in plugin by the traced run: when the process began and what it used, one line of JSON per life. */
import { appendFileSync } from "node:fs";

const file = process.env["BENCH_PLUGIN_LOG"];
process.on("exit", () => {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const line = { began: performance.timeOrigin, ended: Date.now(), cpu: (userCPUTime + systemCPUTime) / 1e6 };
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`);
});
