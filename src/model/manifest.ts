/** Manifests: what a repository says should be. One document is one tenant or one integration; its `spec` is the body of its PUT. */
import { z } from "zod";
import { pointerTo } from "../problem.ts";
import { integrationBody } from "./integration.ts";
import { nameSchema } from "./names.ts";
import { tenantBody } from "./tenant.ts";

const labels = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/, "A label has 1 to 63 letters, digits and _ . / -"), z.string().max(256))
  .refine((record) => Object.keys(record).length <= 40, "At most 40 labels")
  .exactOptional();
const apiVersion = z.literal("drawbridge/v1", "apiVersion is drawbridge/v1");
const spec = z.record(z.string(), z.unknown());

const envelopes = {
  Tenant: { apiVersion, kind: z.literal("Tenant"), metadata: z.strictObject({ name: nameSchema, labels }) },
  Integration: { apiVersion, kind: z.literal("Integration"), metadata: z.strictObject({ tenant: nameSchema, name: nameSchema, labels }) },
};
const bodies = { Tenant: tenantBody, Integration: integrationBody };

/** A manifest whose spec hasn't been looked into yet: they are looked into one by one, so that a faulty one doesn't stop the others. */
export const manifestEnvelope = z
  .discriminatedUnion(
    "kind",
    [z.strictObject({ ...envelopes.Tenant, spec }), z.strictObject({ ...envelopes.Integration, spec })],
    "kind is Tenant or Integration",
  )
  .meta({ id: "Manifest" });
export type Manifest = z.output<typeof manifestEnvelope>;

/** Manifests with their specs, for the published JSON Schemas. */
export const wholeManifests = {
  Tenant: z.strictObject({ ...envelopes.Tenant, spec: bodies.Tenant }),
  Integration: z.strictObject({ ...envelopes.Integration, spec: bodies.Integration }),
};
export const wholeManifest = z.discriminatedUnion("kind", [wholeManifests.Tenant, wholeManifests.Integration]);

/** `Integration acme/c1`: what a manifest is about, and the same for two that are about the same. */
export function manifestId({ kind, metadata }: Pick<Manifest, "kind"> & { metadata: { tenant?: string; name: string } }): string {
  return kind === "Tenant" ? `Tenant ${metadata.name}` : `Integration ${metadata.tenant}/${metadata.name}`;
}

/** Whether a spec is a body that the PUT of its kind takes; `pointer` leads into the spec. */
export function readManifestSpec(
  kind: Manifest["kind"],
  value: Record<string, unknown>,
): { ok: true; value: Record<string, unknown> } | { ok: false; detail: string; pointer: string } {
  const parsed = bodies[kind].safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issue = parsed.error.issues[0];
  const path = [...(issue?.path ?? []), ...(issue?.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [])];
  const what = issue?.code === "unrecognized_keys" ? "There is no such field" : (issue?.message ?? "It doesn't fit");
  return { ok: false, pointer: pointerTo(path), detail: `spec${pointerTo(path)}: ${what}.` };
}
