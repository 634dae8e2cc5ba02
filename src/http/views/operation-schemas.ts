/** The JSON form of operations, their events, proofs and problems in the API. */

import { z } from "zod";
import { stackKinds } from "../../../stacks/stack.ts";
import type { Proof } from "../../iam/contract/contract.ts";
import { type Operation, type OperationEvent, operationKinds, operationStates } from "../../model/operation.ts";
import { type Problem, type ProblemCode, problemKinds } from "../../problem.ts";

const timestamp = z.iso.datetime().meta({ description: "RFC 3339, UTC" });

const code = z.enum(Object.keys(problemKinds) as [ProblemCode, ...ProblemCode[]]);
const retry = z.enum(["never", "later", "after-change"]);

/** A problem in the form that an operation stores. */
export const problemSchema: z.ZodType<Problem> = z
  .object({
    code,
    retry,
    detail: z.string(),
    pointer: z.string().exactOptional(),
    cause: z.string().exactOptional(),
  })
  .meta({ id: "OperationProblem" });

/** One fault of a request. */
export const requestFaultSchema = z.object({
  in: z.enum(["body", "path", "query", "header"]),
  pointer: z.string().exactOptional().meta({ description: "RFC 6901, into the body" }),
  name: z.string().exactOptional().meta({ description: "Of the parameter or header" }),
  detail: z.string(),
});
export type RequestFault = z.output<typeof requestFaultSchema>;

/** A problem in the form of an answer (RFC 9457). */
export const problemAnswerSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code,
    retry,
    detail: z.string(),
    pointer: z.string().exactOptional(),
    cause: z.string().exactOptional(),
    requestId: z.string(),
    errors: z.array(requestFaultSchema).exactOptional(),
  })
  .meta({ id: "Problem" });
export type ProblemAnswer = z.output<typeof problemAnswerSchema>;

export const operationIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "An operation id, as the Location header gave it")
  .meta({ id: "OperationId" });

export const operationKindSchema = z.enum(operationKinds);
export const operationStateSchema = z.enum(operationStates);

export const operationSchema: z.ZodType<Operation> = z
  .object({
    id: operationIdSchema,
    kind: operationKindSchema,
    state: operationStateSchema,
    tenant: z.string().exactOptional(),
    integration: z.string().exactOptional(),
    parent: z.string().exactOptional(),
    children: z.array(z.string()).exactOptional(),
    stacks: z.array(
      z.object({
        kind: z.enum(stackKinds),
        project: z.literal("drawbridge"),
        stack: z.string(),
        backendUrl: z.string(),
      }),
    ),
    attempt: z.int(),
    planHash: z.string().exactOptional(),
    supersededBy: z.string().exactOptional(),
    createdAt: timestamp,
    startedAt: timestamp.exactOptional(),
    finishedAt: timestamp.exactOptional(),
    result: z.record(z.string(), z.unknown()).exactOptional(),
    error: problemSchema.exactOptional(),
  })
  .meta({ id: "Operation" });

export const operationEventSchema: z.ZodType<OperationEvent> = z
  .object({ seq: z.int(), at: timestamp, type: z.string(), data: z.record(z.string(), z.unknown()) })
  .meta({ id: "OperationEvent" });

export const proofSchema: z.ZodType<Proof> = z
  .object({
    verdict: z.enum(["green", "red"]),
    trust: z.enum(["open", "closed"]),
    rows: z.array(
      z.object({
        id: z.string(),
        expect: z.enum(["allow", "deny"]),
        principal: z.string(),
        action: z.string(),
        resource: z.string(),
        context: z.record(z.string(), z.union([z.string(), z.array(z.string())])),
        decision: z.enum(["allowed", "implicitly-denied", "explicitly-denied", "undetermined"]),
        verdict: z.enum(["green", "red"]),
        because: z.array(z.string()),
      }),
    ),
    digests: z.record(z.string(), z.string()),
    notCovered: z.array(z.string()),
    acceptedBreadth: z.array(z.string()),
    at: timestamp,
  })
  .meta({ id: "Proof" });
