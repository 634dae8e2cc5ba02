/** Parameters as nobody wrote them: a case's own, with texts swapped for others of their shape or for hostile ones. */
import fc from "fast-check";

const hostile = [
  "*",
  "?",
  "",
  " ",
  "a*",
  "bucket/*",
  "../x",
  ["$", "{aws:username}"].join(""),
  "<EXTERNAL ID>",
  "YOUR_BUCKET",
  'x","Effect":"Allow',
  "arn:aws:s3:::*",
  "arn:aws:iam::123456789012:root",
  "arn:aws:kms:us-east-1:222222222222:key/*",
  "arn:aws:kms:us-east-1:222222222222:alias/x",
  "arn:aws-cn:kms:cn-north-1:222222222222:key/11111111-2222-3333-4444-555555555555",
  "name\nother",
  "nämе",
  "__proto__",
];

/** A text of the same shape: letters stay letters, digits digits, everything else itself. */
function sameShape(text: string): fc.Arbitrary<string> {
  const letters = "abcdefghijklmnopqrstuvwxyz";
  const hex = text.includes(":key/");
  // What an ARN begins with says of which service and account it is; only its last part may change.
  const start = text.startsWith("arn:") ? Math.max(text.lastIndexOf("/"), text.lastIndexOf(":")) + 1 : 0;
  return fc.array(fc.nat(25), { minLength: text.length, maxLength: text.length }).map((picks) =>
    [...text]
      .map((character, index) => {
        const pick = picks[index] ?? 0;
        if (index < start || !/[a-z0-9]/.test(character)) return character;
        return /[0-9]/.test(character) ? String(pick % 10) : (letters[hex ? pick % 6 : pick] ?? character);
      })
      .join(""),
  );
}

function leaf(text: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 14, arbitrary: sameShape(text) },
    { weight: 8, arbitrary: fc.constant(text) },
    { weight: 1, arbitrary: fc.constantFrom(...hostile) },
    { weight: 1, arbitrary: fc.constantFrom(...hostile).map((bad) => `${text}${bad}`) },
    { weight: 1, arbitrary: fc.string({ maxLength: 20 }) },
  );
}

/** Values like this one. Words of an enumeration are mostly kept, since another word of their shape is refused. */
export function like(value: unknown): fc.Arbitrary<unknown> {
  if (typeof value === "string")
    return /^(SSE-|data-source$|delivery$|production$|staging$|iam-only$|read|none$|least$)/.test(value) ? fc.constant(value) : leaf(value);
  if (Array.isArray(value)) return fc.tuple(...value.map(like));
  if (typeof value !== "object" || value === null) return fc.constant(value);
  return fc.record(Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, like(inner)])));
}
