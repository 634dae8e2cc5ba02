/** Drives the stand-in as the engine does: starts its process, reads the port, speaks the plugin protocol. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import grpc from "@grpc/grpc-js";
import rpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import { type Properties, read, write } from "../../sandbox/stand-in/values.ts";

export interface Plugin {
  process: ChildProcess;
  checkConfig(config: Properties): Promise<string[]>;
  configure(config: Properties): Promise<void>;
  check(token: string, news: Properties, olds?: Properties): Promise<{ inputs: Properties; refusals: string[] }>;
  diff(token: string, olds: Properties, news: Properties): Promise<{ changed: string[]; replaces: string[]; deleteBeforeReplace: boolean }>;
  create(token: string, inputs: Properties, preview?: boolean): Promise<{ id: string; properties: Properties }>;
  read(
    token: string,
    id: string,
    stored?: Properties,
    inputs?: Properties,
  ): Promise<{ id: string; properties: Properties; inputs: Properties }>;
  update(token: string, id: string, olds: Properties, news: Properties): Promise<Properties>;
  delete(token: string, id: string, stored: Properties): Promise<void>;
  invoke(token: string): Promise<Properties>;
  stop(): Promise<void>;
}

/** What the plugin says of a resource that exists although its create or update failed. */
export interface InitFailure {
  id: string;
  properties: Properties;
  reasons: string[];
}

const main = path.join(import.meta.dirname, "../../sandbox/stand-in/main.ts");
const urn = (token: string) => `urn:pulumi:stack::drawbridge::${token}::thing`;

type Answer<Response> = (error: grpc.ServiceError | null, response: Response) => void;

/** A call as a promise. */
function answered<Response>(call: (answer: Answer<Response>) => unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error ? reject(error) : resolve(response)));
  });
}

/** Starts the stand-in with this environment and nothing of ours but PATH. */
export async function startPlugin(env: Record<string, string>): Promise<Plugin> {
  const child = spawn(process.execPath, [main], { env: { PATH: process.env["PATH"], ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const [port] = (await once(createInterface(child.stdout), "line")) as [string];
  const client = new rpc.ResourceProviderClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return {
    process: child,
    async checkConfig(config) {
      const response = await answered<InstanceType<typeof proto.CheckResponse>>((answer) =>
        client.checkConfig(new proto.CheckRequest().setNews(write(config)), answer),
      );
      return response.getFailuresList().map((failure) => failure.getReason());
    },
    async configure(config) {
      await answered<InstanceType<typeof proto.ConfigureResponse>>((answer) =>
        client.configure(new proto.ConfigureRequest().setArgs(write(config)), answer),
      );
    },
    async check(token, news, olds) {
      const request = new proto.CheckRequest().setUrn(urn(token)).setNews(write(news)).setRandomseed(Buffer.from("seed"));
      if (olds) request.setOlds(write(olds));
      const response = await answered<InstanceType<typeof proto.CheckResponse>>((answer) => client.check(request, answer));
      return { inputs: read(response.getInputs()), refusals: response.getFailuresList().map((failure) => failure.getReason()) };
    },
    async diff(token, olds, news) {
      const response = await answered<InstanceType<typeof proto.DiffResponse>>((answer) =>
        client.diff(new proto.DiffRequest().setUrn(urn(token)).setOlds(write(olds)).setNews(write(news)), answer),
      );
      const changes = response.getChanges() === proto.DiffResponse.DiffChanges.DIFF_SOME;
      return {
        changed: changes ? response.getDiffsList() : [],
        replaces: response.getReplacesList(),
        deleteBeforeReplace: response.getDeletebeforereplace(),
      };
    },
    async create(token, inputs, preview = false) {
      const response = await answered<InstanceType<typeof proto.CreateResponse>>((answer) =>
        client.create(new proto.CreateRequest().setUrn(urn(token)).setProperties(write(inputs)).setPreview(preview), answer),
      );
      return { id: response.getId(), properties: read(response.getProperties()) };
    },
    async read(token, id, stored, inputs) {
      const request = new proto.ReadRequest().setUrn(urn(token)).setId(id);
      if (stored) request.setProperties(write(stored));
      if (inputs) request.setInputs(write(inputs));
      const response = await answered<InstanceType<typeof proto.ReadResponse>>((answer) => client.read(request, answer));
      return { id: response.getId(), properties: read(response.getProperties()), inputs: read(response.getInputs()) };
    },
    async update(token, id, olds, news) {
      const request = new proto.UpdateRequest().setUrn(urn(token)).setId(id).setOlds(write(olds)).setNews(write(news));
      return read((await answered<InstanceType<typeof proto.UpdateResponse>>((answer) => client.update(request, answer))).getProperties());
    },
    async delete(token, id, stored) {
      await answered<unknown>((answer) =>
        client.delete(new proto.DeleteRequest().setUrn(urn(token)).setId(id).setProperties(write(stored)), answer),
      );
    },
    async invoke(token) {
      return read(
        (
          await answered<InstanceType<typeof proto.InvokeResponse>>((answer) =>
            client.invoke(new proto.InvokeRequest().setTok(token), answer),
          )
        ).getReturn(),
      );
    },
    async stop() {
      client.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

/** The init failure inside an RPC error, or undefined when nothing was saved. */
export function initFailureOf(error: unknown): InitFailure | undefined {
  const [packed] = (error as grpc.ServiceError).metadata.get("grpc-status-details-bin");
  if (packed === undefined) return undefined;
  const [detail] = status.Status.deserializeBinary(new Uint8Array(Buffer.from(packed))).getDetailsList();
  if (!detail) return undefined;
  const failed = proto.ErrorResourceInitFailed.deserializeBinary(detail.getValue_asU8());
  return { id: failed.getId(), properties: read(failed.getProperties()), reasons: failed.getReasonsList() };
}
