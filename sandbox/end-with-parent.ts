/**
 * Loaded into the service before its own code: the service ends when whoever started it is gone, however that one ended. The starter
 * holds the other end of stdin and never writes. A service that stayed would keep the data folder and the port from the next start.
 */
import { isMainThread } from "node:worker_threads";

/** It ends in good order if it can within this; an operation without its AWS would take minutes to give up. */
const graceMilliseconds = 2_000;

// Threads load this too, and have a stdin of their own that ends at once.
if (isMainThread) {
  process.stdin.resume().once("close", () => {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), graceMilliseconds);
    process.kill(process.pid, "SIGTERM");
  });
}
