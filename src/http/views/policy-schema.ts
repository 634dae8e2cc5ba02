/** The JSON form of an IAM policy document in the API. It allows only fields of the grammar. */
import { z } from "zod";
import type { PolicyDocument, Statement } from "../../iam/words/policy-document.ts";

const texts = z.union([z.string().max(2048), z.array(z.string().max(2048)).min(1).max(200)]);
const principal = z.union([z.literal("*"), z.record(z.string(), texts)]);
const conditionValue = z.union([z.string(), z.number(), z.boolean()]);
const condition = z.record(z.string(), z.record(z.string(), z.union([conditionValue, z.array(conditionValue).max(200)])));

/** One statement of a policy. */
export const statementSchema: z.ZodType<Statement> = z.strictObject({
  Sid: z.string().max(128).exactOptional(),
  Effect: z.enum(["Allow", "Deny"]),
  Principal: principal.exactOptional(),
  NotPrincipal: principal.exactOptional(),
  Action: texts.exactOptional(),
  NotAction: texts.exactOptional(),
  Resource: texts.exactOptional(),
  NotResource: texts.exactOptional(),
  Condition: condition.exactOptional(),
});

/** The grammar is in the IAM user guide, "Grammar of the IAM JSON policy language". */
export const policyDocumentSchema: z.ZodType<PolicyDocument> = z
  .strictObject({
    Version: z.literal("2012-10-17"),
    Id: z.string().max(128).exactOptional(),
    Statement: z.array(statementSchema).min(1).max(100),
  })
  .meta({ id: "PolicyDocument" });
