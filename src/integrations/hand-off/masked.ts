/** External ids as fingerprints, for everybody who may not see them. Pure. */
import type { HandOffField } from "../../blueprints/parts/blueprint.ts";
import { externalIdFingerprint } from "../../iam/words/external-id.ts";
import type { HandOff } from "./bundle.ts";

/** The fields for an integration, an operation's result or a log: sensitive values are fingerprints. */
export function maskedFields(fields: readonly HandOffField[]): HandOffField[] {
  return fields.map((field) => (field.sensitive ? { ...field, value: externalIdFingerprint(field.value) } : field));
}

/** The hand-off with fingerprints in place of these external ids, in its fields, its documents and its stacks. */
export function maskedHandOff(handOff: HandOff, externalIds: readonly string[]): HandOff {
  const ids = new Set(externalIds);
  const masked = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value), (_key, inner: unknown) =>
      typeof inner === "string" && ids.has(inner) ? externalIdFingerprint(inner) : inner,
    );
  return {
    ...handOff,
    revealed: false,
    fields: masked(maskedFields(handOff.fields)),
    documents: masked(handOff.documents),
    specs: masked(handOff.specs),
  };
}
