import type { HandOffField } from "../../blueprints/parts/blueprint.ts";
import { externalIdFingerprint } from "../../iam/words/external-id.ts";

/** The fields as they may stand in an integration, an operation's result or a log: sensitive ones as fingerprints. */
export function maskedFields(fields: readonly HandOffField[]): HandOffField[] {
  return fields.map((field) => (field.sensitive ? { ...field, value: externalIdFingerprint(field.value) } : field));
}
