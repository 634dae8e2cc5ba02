import * as z from "zod";

/** An AWS account id: twelve ASCII digits, as text, because leading zeros count (AWS account management guide, "AWS account identifiers"). */
export const AccountId = z.string().regex(/^[0-9]{12}$/, "an AWS account id is twelve digits, as text");
export type AccountId = z.infer<typeof AccountId> & z.$brand<"AccountId">;

/** The account id in `text`, or undefined when it isn't one. */
export function parseAccountId(text: string): AccountId | undefined {
  return AccountId.safeParse(text).data as AccountId | undefined;
}
