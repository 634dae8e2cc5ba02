/** A KMS key that an integration owns, as a stack spec and in a contract. */
import { ownershipTags } from "../../../stacks/name.ts";
import { reference } from "../../../stacks/references.ts";
import type { Reference, StackSpec } from "../../../stacks/stack.ts";
import type { ResourceContract } from "../../iam/contract/contract.ts";
import type { PolicyDocument } from "../../iam/words/policy-document.ts";
import { accountRootArn } from "../../iam/words/principal.ts";
import type { BlueprintContext } from "./blueprint.ts";

/** A reference where a document's type wants the text that it will become (stacks/references.ts fills it in before anything is written). */
export function inDocument(ref: Reference): string {
  return ref as unknown as string;
}

/** The output of the integration's own key stack, wherever the key's ARN will stand. */
export function ownKeyReference(integration: string): string {
  return inDocument(reference("kms-key", integration, "keyArn"));
}

/** The ARN of the key that the integration's own stack made; undefined while there is none. */
export function madeKeyArn({ integration, outputs }: BlueprintContext): string | undefined {
  const arn = outputs?.[`kms-key/${integration}`]?.["keyArn"];
  return typeof arn === "string" ? arn : undefined;
}

/**
 * The policy of an owned key: everything to the account's own IAM and nothing to anybody else, so that roles get rights on the key
 * by their own policies and nobody is ever locked out (KMS developer guide, "Default key policy").
 */
function delegation({ accountId, partition }: BlueprintContext): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "DelegateToIam",
        Effect: "Allow",
        Principal: { AWS: accountRootArn(accountId, partition) },
        Action: "kms:*",
        Resource: "*",
      },
    ],
  };
}

/** The stack spec of the integration's own key; `encryptBucket` makes it that bucket's default encryption. */
export function ownedKeyStack(context: BlueprintContext, description: string, encryptBucket?: string): StackSpec {
  const { tenant, integration, tags } = context;
  return {
    kind: "kms-key",
    key: integration,
    inputs: {
      description,
      alias: `alias/drawbridge/${tenant}/${integration}`,
      policy: delegation(context),
      tags: { ...tags, ...ownershipTags(tenant, integration, "kms-key", integration) },
      ...(encryptBucket !== undefined && { encryptBucket }),
    },
  };
}

/** What the key's own policy may give: the delegation, as declared breadth. */
export function keyContract(keyArn: string, { accountId, partition }: BlueprintContext): ResourceContract {
  return { resource: keyArn, principal: accountRootArn(accountId, partition), actions: ["kms:*"], resources: ["*"] };
}
