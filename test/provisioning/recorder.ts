/** Writes down what the service and its plugin ask of AWS through the tenants' provisioning roles, on the way to the emulator. */
import type { IncomingMessage } from "node:http";
import { tenantThings } from "../../sandbox/accounts.ts";
import { type Root, rootOf } from "../../sandbox/root.ts";
import type { PolicyDocument } from "../../src/iam/words/policy-document.ts";
import { type FaultProxy, startProxy } from "../faults/proxy.ts";
import { type IamRequest, iamRequests } from "./iam-request.ts";

/** Whose session it is, and what the bootstrap of that moment lets it do. */
export interface Entered {
  tenant: string;
  boundary?: string;
  permissions: PolicyDocument;
}

export interface Recorded extends IamRequest {
  accountId: string;
  entered: Entered;
}

export interface Recorder {
  proxy: FaultProxy;
  /** Every question that AWS would have asked, but for calls that were refused. */
  requests: Recorded[];
}

/** A proxy before `endpoint` that takes down the calls of sessions of provisioning roles. `whose` knows a tenant by its external id. */
export async function startRecorder(endpoint: string, whose: (externalId: string) => Promise<Entered | undefined>): Promise<Recorder> {
  const requests: Recorded[] = [];
  const sessions = new Map<string, { root: Root; entered: Entered }>();
  const roots = [rootOf(endpoint, "tenant"), rootOf(endpoint, "neighbour")];
  const proxy = await startProxy(endpoint, async (request, body) => {
    const { key, service } = signature(request);
    const asked = new URLSearchParams(service === "sts" ? body.toString() : "");
    const root = roots.find(({ accountId }) => asked.get("RoleArn") === `arn:aws:iam::${accountId}:role/${tenantThings.provisioningRole}`);
    if (root) {
      const entered = await whose(asked.get("ExternalId") ?? "");
      return (answer) => {
        const made = /<AccessKeyId>([^<]+)</.exec(answer.body.toString())?.[1];
        if (made && entered) sessions.set(made, { root, entered });
      };
    }
    const session = sessions.get(key);
    if (!session) return undefined;
    const { entered } = session;
    const questions = await iamRequests(session.root, service, request, body);
    return ({ status }) => {
      if (status === 403) return;
      for (const { byKey, ...one } of questions) if (!byKey) requests.push({ ...one, accountId: session.root.accountId, entered });
    };
  });
  return { proxy, requests };
}

/** From the header of a signed call; a signed link or a health check has none. */
function signature({ headers }: IncomingMessage): { key: string; service: string } {
  const scope = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(headers.authorization ?? "");
  return { key: scope?.[1] ?? "", service: scope?.[2] ?? "" };
}
