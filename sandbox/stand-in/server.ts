/** The plugin protocol (pulumi/pulumi proto/pulumi/provider.proto): messages in, the pure and AWS parts called, messages out. */
import grpc from "@grpc/grpc-js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import rpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import proto from "@pulumi/pulumi/proto/provider_pb.js";
import status from "@pulumi/pulumi/proto/status_pb.js";
import any from "google-protobuf/google/protobuf/any_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { Aws } from "./aws.ts";
import { check, type Refusal } from "./check.ts";
import { type Difference, diff } from "./diff.ts";
import { create, InitFailed, read, remove, update } from "./lifecycle.ts";
import { checkConfig, configure, invoke } from "./provider.ts";
import { planned } from "./state.ts";
import { typeOf } from "./types/registry.ts";
import { equal, type Properties, read as propertiesOf, write } from "./values.ts";

type Version = { version: string };

/** The service's methods around one provider's configuration. A plugin process serves one provider. */
export function service({ version }: Version, inFlight: { count: number }): grpc.UntypedServiceImplementation {
  let configured: Aws | undefined;
  const aws = (): Aws => {
    if (!configured) throw new Error("the provider is not configured");
    return configured;
  };
  const type = (urn: string) => typeOf(tokenOf(urn));
  const unary = <Request, Response>(work: (request: Request) => Promise<Response>) => unaryOf(work, inFlight);

  return {
    getPluginInfo: unary(async () => new plugin.PluginInfo().setVersion(version)),
    getSchema: unary(async () => new proto.GetSchemaResponse().setSchema("{}")),
    attach: unary(async () => new empty.Empty()),
    cancel: unary(async () => new empty.Empty()), // calls in flight go on to their end, as the real plugin's do
    checkConfig: unary(async (request: InstanceType<typeof proto.CheckRequest>) => {
      const config = propertiesOf(request.getNews());
      return checkResponse(config, await checkConfig(config, process.env));
    }),
    diffConfig: unary(async (request: InstanceType<typeof proto.DiffRequest>) => {
      const [olds, news] = [propertiesOf(request.getOlds()), propertiesOf(request.getNews())];
      const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter((key) => !equal(olds[key], news[key]));
      return diffResponse({ changed, replaces: [], deleteBeforeReplace: false, detailed: [] });
    }),
    configure: unary(async (request: InstanceType<typeof proto.ConfigureRequest>) => {
      configured = await configure(propertiesOf(request.getArgs()), process.env);
      return new proto.ConfigureResponse().setAcceptsecrets(false).setSupportspreview(true).setAcceptresources(false);
    }),
    invoke: unary(async (request: InstanceType<typeof proto.InvokeRequest>) => {
      const answer = await invoke(request.getTok(), propertiesOf(request.getArgs()), aws());
      return new proto.InvokeResponse().setReturn(write(answer));
    }),
    check: unary(async (request: InstanceType<typeof proto.CheckRequest>) => {
      const olds = propertiesOf(request.getOlds());
      const context = { aws: aws(), name: nameOf(request.getUrn()), olds, randomSeed: request.getRandomseed_asU8() };
      const { inputs, refusals } = check(await type(request.getUrn()), propertiesOf(request.getNews()), context);
      return checkResponse(inputs, refusals);
    }),
    diff: unary(async (request: InstanceType<typeof proto.DiffRequest>) => {
      const [stored, inputs] = [propertiesOf(request.getOlds()), propertiesOf(request.getNews())];
      return diffResponse(diff(await type(request.getUrn()), stored, inputs, request.getIgnorechangesList()));
    }),
    create: unary(async (request: InstanceType<typeof proto.CreateRequest>) => {
      const [made, inputs] = [await type(request.getUrn()), propertiesOf(request.getProperties())];
      if (request.getPreview()) return new proto.CreateResponse().setProperties(write(planned(made, inputs)));
      const { id, properties } = await create(made, aws(), inputs).catch(worded(`creating ${request.getUrn()}`));
      return new proto.CreateResponse().setId(id).setProperties(write(properties));
    }),
    read: unary(async (request: InstanceType<typeof proto.ReadRequest>) => {
      const before = { stored: propertiesOf(request.getProperties()), inputs: propertiesOf(request.getInputs()) };
      const found = await read(await type(request.getUrn()), aws(), request.getId(), before).catch(
        worded(`refreshing ${request.getUrn()}`),
      );
      if (!found) return new proto.ReadResponse();
      return new proto.ReadResponse().setId(request.getId()).setProperties(write(found.properties)).setInputs(write(found.inputs));
    }),
    update: unary(async (request: InstanceType<typeof proto.UpdateRequest>) => {
      const changing = await type(request.getUrn());
      const before = { stored: propertiesOf(request.getOlds()), inputs: propertiesOf(request.getNews()) };
      if (request.getPreview()) return new proto.UpdateResponse().setProperties(write(planned(changing, before.inputs, before.stored)));
      const after = await update(changing, aws(), request.getId(), before).catch(worded(`updating ${request.getUrn()}`));
      return new proto.UpdateResponse().setProperties(write(after));
    }),
    delete: unary(async (request: InstanceType<typeof proto.DeleteRequest>) => {
      const stored = propertiesOf(request.getProperties());
      await remove(await type(request.getUrn()), aws(), request.getId(), stored).catch(worded(`deleting ${request.getUrn()}`));
      return new empty.Empty();
    }),
  };
}

export const definition = rpc.ResourceProviderService;

/** `urn:pulumi:<stack>::<project>::<parent type$type>::<name>` */
const tokenOf = (urn: string): string => urn.split("::")[2]?.split("$").pop() ?? "";
const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");

function unaryOf<Request, Response>(work: (request: Request) => Promise<Response>, inFlight: { count: number }) {
  return (call: { request: Request }, callback: (error: Partial<grpc.ServiceError> | null, response?: Response) => void) => {
    inFlight.count++;
    work(call.request)
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(grpcError(error)),
      )
      .finally(() => {
        inFlight.count--;
      });
  };
}

/** The RPC error as the bridge words it; a resource that has an id is named in front. */
function worded(doing: string) {
  return (error: unknown): never => {
    const reason = `1 error occurred:\n\t* ${error instanceof Error ? error.message : String(error)}\n\n`;
    if (error instanceof InitFailed) throw new InitFailed(`${doing}: ${reason}`, error.id, error.properties);
    throw new Error(doing.startsWith("creating") ? reason : `${doing}: ${reason}`);
  };
}

function grpcError(error: unknown): Partial<grpc.ServiceError> {
  const message = error instanceof Error ? error.message : String(error);
  const metadata = new grpc.Metadata();
  if (error instanceof InitFailed) metadata.add("grpc-status-details-bin", initFailedDetails(error));
  return { code: grpc.status.UNKNOWN, message, details: message, metadata };
}

function initFailedDetails({ message, id, properties }: InitFailed): Buffer {
  const failed = new proto.ErrorResourceInitFailed().setId(id).setProperties(write(properties)).setReasonsList([message]);
  const detail = new any.Any();
  detail.pack(failed.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const whole = new status.Status().setCode(grpc.status.UNKNOWN).setMessage(message);
  whole.addDetails(detail); // answers the detail, not the whole
  return Buffer.from(whole.serializeBinary());
}

function checkResponse(inputs: Properties, refusals: readonly Refusal[]): InstanceType<typeof proto.CheckResponse> {
  const failures = refusals.map(({ property, reason }) => new proto.CheckFailure().setProperty(property).setReason(reason));
  return new proto.CheckResponse().setInputs(write(inputs)).setFailuresList(failures);
}

function diffResponse({ changed, replaces, deleteBeforeReplace, detailed }: Difference): InstanceType<typeof proto.DiffResponse> {
  const { DIFF_NONE, DIFF_SOME } = proto.DiffResponse.DiffChanges;
  const response = new proto.DiffResponse()
    .setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE)
    .setDiffsList(changed)
    .setReplacesList(replaces)
    .setDeletebeforereplace(deleteBeforeReplace)
    .setHasdetaileddiff(detailed.length > 0);
  for (const { path, kind, replaces: isReplacing } of detailed) {
    response.getDetaileddiffMap().set(path, new proto.PropertyDiff().setKind(kindOf(kind, isReplacing)));
  }
  return response;
}

function kindOf(kind: "add" | "delete" | "update", replaces: boolean) {
  const { ADD, ADD_REPLACE, DELETE, DELETE_REPLACE, UPDATE, UPDATE_REPLACE } = proto.PropertyDiff.Kind;
  const kinds = { add: [ADD, ADD_REPLACE], delete: [DELETE, DELETE_REPLACE], update: [UPDATE, UPDATE_REPLACE] } as const;
  return kinds[kind][replaces ? 1 : 0];
}
