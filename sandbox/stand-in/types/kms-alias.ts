import { CreateAliasCommand, DeleteAliasCommand, paginateListAliases, UpdateAliasCommand } from "@aws-sdk/client-kms";
import type { Aws } from "../aws.ts";
import { attempt, unlessGone, untilSettled } from "../failure.ts";
import { defined, type ResourceType } from "../resource-type.ts";
import { type Properties, text } from "../values.ts";
import { bareKeyId, gone, kmsOf } from "./kms-calls.ts";

export const alias: ResourceType = {
  token: "aws:kms/alias:Alias",
  source: "terraform-provider-aws 5.x internal/service/kms/alias.go",
  inputs: {
    name: { autoName: { max: 238, prefix: "alias/" }, replaces: true },
    targetKeyId: { required: true, same: (stored, wanted) => bareKeyId(String(stored ?? "")) === bareKeyId(String(wanted)) },
  },
  outputs: ["arn", "targetKeyArn", "namePrefix"],
  regional: true,
  create: createAlias,
  read: readAlias,
  update: updateAlias,
  delete: deleteAlias,
};

async function createAlias(aws: Aws, inputs: Properties, saved: (id: string) => void): Promise<undefined> {
  const name = text(inputs, "name");
  const command = () => kmsOf(aws).send(new CreateAliasCommand({ AliasName: name, TargetKeyId: text(inputs, "targetKeyId") }));
  const isNotYetThere = ({ code }: { code: string }) => gone.includes(code);
  await untilSettled(isNotYetThere, () => attempt(`creating KMS Alias (${name})`, "KMS: CreateAlias", command()));
  saved(name);
}

async function readAlias(aws: Aws, name: string, stored: Properties): Promise<Properties | undefined> {
  const find = async () => {
    for await (const page of paginateListAliases({ client: kmsOf(aws) }, {})) {
      const found = page.Aliases?.find((candidate) => candidate.AliasName === name);
      if (found) return found;
    }
    return undefined;
  };
  const live = await attempt(`reading KMS Alias (${name})`, "KMS: ListAliases", find());
  if (!live) return undefined;
  return defined({
    arn: live.AliasArn,
    name,
    namePrefix: "",
    targetKeyId: live.TargetKeyId,
    targetKeyArn: live.AliasArn?.replace(/:alias\/.*$/, `:key/${live.TargetKeyId}`),
    region: text(stored, "region") || aws.region,
  });
}

async function updateAlias(aws: Aws, name: string, { inputs }: { inputs: Properties }): Promise<void> {
  const command = new UpdateAliasCommand({ AliasName: name, TargetKeyId: text(inputs, "targetKeyId") });
  await attempt(`updating KMS Alias (${name})`, "KMS: UpdateAlias", kmsOf(aws).send(command));
}

async function deleteAlias(aws: Aws, name: string): Promise<void> {
  const command = kmsOf(aws).send(new DeleteAliasCommand({ AliasName: name }));
  await unlessGone(gone, attempt(`deleting KMS Alias (${name})`, "KMS: DeleteAlias", command));
}
