import type { HandOff } from "./bundle.ts";
import { cloudFormationTemplate } from "./cloudformation.ts";

/** The hand-off as plain JSON: the form's fields, the documents and the template. */
export function handOffJson(handOff: HandOff, quickCreateLink?: string) {
  const { specs: _specs, revealed: _revealed, fields, ...rest } = handOff;
  return {
    ...rest,
    fields: fields.map(({ field, value, where }) => ({ field, value, where })),
    ...(quickCreateLink !== undefined && { quickCreateLink }),
    template: cloudFormationTemplate(handOff),
  };
}
