import {
  CreateGrantCommand,
  type GrantConstraints,
  type GrantListEntry,
  type GrantOperation,
  paginateListGrants,
  RetireGrantCommand,
  RevokeGrantCommand,
} from "@aws-sdk/client-kms";
import type { Aws } from "../aws.ts";
import { attempt, CallFailed, unlessGone, untilSettled } from "../failure.ts";
import { defined, type ResourceType } from "../resource-type.ts";
import { type Properties, secret, text, textMap, texts, type Value } from "../values.ts";
import { gone, kmsOf } from "./kms-calls.ts";

export const grant: ResourceType = {
  token: "aws:kms/grant:Grant",
  source: "terraform-provider-aws 5.x internal/service/kms/grant.go",
  inputs: {
    constraints: { replaces: true, set: true },
    grantCreationTokens: { replaces: true, set: true },
    granteePrincipal: { required: true, replaces: true },
    keyId: { required: true, replaces: true },
    name: { autoName: { max: 255 }, replaces: true },
    operations: { required: true, replaces: true, set: true },
    retireOnDelete: { default: false, replaces: true },
    retiringPrincipal: { replaces: true },
  },
  outputs: ["grantId", "grantToken"],
  regional: true,
  refuse: (inputs) =>
    constraintsOf(inputs).some((one) => one.EncryptionContextEquals && one.EncryptionContextSubset)
      ? [{ property: "constraints", reason: "only one of encryptionContextEquals, encryptionContextSubset can be specified" }]
      : [],
  create: createGrant,
  read: readGrant,
  update: async () => undefined, // every input replaces it
  delete: deleteGrant,
};

/** `key id or ARN:grant id` */
function partsOf(id: string): { key: string; grantId: string } {
  const colon = id.lastIndexOf(":");
  return { key: id.slice(0, colon), grantId: id.slice(colon + 1) };
}

function constraintsOf(inputs: Properties): GrantConstraints[] {
  const given = inputs["constraints"];
  if (!Array.isArray(given)) return [];
  return (given as Properties[]).map((one) => ({
    ...(one["encryptionContextEquals"] !== undefined && { EncryptionContextEquals: textMap(one, "encryptionContextEquals") }),
    ...(one["encryptionContextSubset"] !== undefined && { EncryptionContextSubset: textMap(one, "encryptionContextSubset") }),
  }));
}

const isUnsettled = ({ code }: CallFailed): boolean =>
  ["DependencyTimeoutException", "KMSInternalException", "InvalidArnException"].includes(code);

/** The token is told only now; the plugin marks it as a secret. */
async function createGrant(aws: Aws, inputs: Properties, saved: (id: string) => void): Promise<Properties> {
  const key = text(inputs, "keyId");
  const [constraints] = constraintsOf(inputs);
  const command = () =>
    kmsOf(aws).send(
      new CreateGrantCommand({
        KeyId: key,
        GranteePrincipal: text(inputs, "granteePrincipal"),
        Operations: texts(inputs, "operations") as GrantOperation[],
        Name: text(inputs, "name"),
        ...(constraints && { Constraints: constraints }),
        ...(texts(inputs, "grantCreationTokens").length > 0 && { GrantTokens: texts(inputs, "grantCreationTokens") }),
        ...(text(inputs, "retiringPrincipal") && { RetiringPrincipal: text(inputs, "retiringPrincipal") }),
      }),
    );
  const made = await untilSettled(isUnsettled, () => attempt(`creating KMS Grant for Key (${key})`, "KMS: CreateGrant", command()));
  saved(`${key}:${made.GrantId}`);
  return { grantToken: secret(made.GrantToken ?? "") };
}

/** Looks again for a while when the grant isn't there, on a refresh too. What AWS doesn't answer keeps its stored value. */
async function readGrant(aws: Aws, id: string, stored: Properties): Promise<Properties | undefined> {
  const { key, grantId } = partsOf(id);
  const missing = new CallFailed(`reading KMS Grant (${id}): couldn't find resource`, "NotYet", "");
  const look = async () => {
    const found = await find(aws, key, grantId);
    if (!found) throw missing;
    return found;
  };
  const live = await unlessGone(
    [...gone, missing.code],
    untilSettled(({ code }) => code === missing.code, look),
  );
  if (!live) return undefined;
  const constraints = constraintsIn(live);
  return defined({
    grantId,
    keyId: key,
    granteePrincipal: live.GranteePrincipal,
    name: live.Name ?? text(stored, "name"),
    operations: [...(live.Operations ?? [])].sort(),
    retiringPrincipal: live.RetiringPrincipal,
    constraints: constraints.length > 0 ? constraints : undefined,
    region: text(stored, "region") || aws.region,
  });
}

function constraintsIn({ Constraints }: GrantListEntry): Value[] {
  const { EncryptionContextEquals, EncryptionContextSubset } = Constraints ?? {};
  if (!EncryptionContextEquals && !EncryptionContextSubset) return [];
  return [
    defined({
      encryptionContextEquals: EncryptionContextEquals && { ...EncryptionContextEquals },
      encryptionContextSubset: EncryptionContextSubset && { ...EncryptionContextSubset },
    }),
  ];
}

async function find(aws: Aws, key: string, grantId: string): Promise<GrantListEntry | undefined> {
  const search = async () => {
    for await (const page of paginateListGrants({ client: kmsOf(aws) }, { KeyId: key, Limit: 100 })) {
      const found = page.Grants?.find((candidate) => candidate.GrantId === grantId);
      if (found) return found;
    }
    return undefined;
  };
  return await attempt(`reading KMS Grant (${key}:${grantId})`, "KMS: ListGrants", search());
}

async function deleteGrant(aws: Aws, id: string, stored: Properties): Promise<void> {
  const { key, grantId } = partsOf(id);
  const doing = `deleting KMS Grant (${id})`;
  const command = { KeyId: key, GrantId: grantId };
  if (stored["retireOnDelete"] === true) {
    await unlessGone(gone, attempt(doing, "KMS: RetireGrant", kmsOf(aws).send(new RetireGrantCommand(command))));
    return;
  }
  await unlessGone(gone, attempt(doing, "KMS: RevokeGrant", kmsOf(aws).send(new RevokeGrantCommand(command))));
}
