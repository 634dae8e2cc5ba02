/** The process that the engine starts as `pulumi-resource-aws`: prints its port on the first line and serves until it is ended. */
import { createRequire } from "node:module";
import grpc from "@grpc/grpc-js";
import { definition, service } from "./server.ts";

const { version } = createRequire(import.meta.url)("@pulumi/aws/package.json") as { version: string };
const inFlight = { count: 0 };
const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
server.addService(definition, service({ version }, inFlight));
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => process.exit(0));

// An engine that was killed says nothing. Like the real plugin, calls in flight go on to their end; unlike it, which looks
// every five minutes, a sandbox should be clean soon.
const engine = process.ppid;
setInterval(() => {
  if (process.ppid !== engine && inFlight.count === 0) process.exit(0);
}, 1000);
