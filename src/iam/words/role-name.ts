import * as z from "zod";

/** A role's name (IAM API reference, CreateRole, RoleName). */
export const RoleName = z.string().regex(/^[A-Za-z0-9_+=,.@-]{1,64}$/, "a role name has 1 to 64 letters, digits or _+=,.@-");
export type RoleName = z.infer<typeof RoleName> & z.$brand<"RoleName">;

/** A role session's name (STS API reference, AssumeRole, RoleSessionName); a space, as in a guide's placeholder, isn't allowed. */
export const SessionName = z.string().regex(/^[A-Za-z0-9_+=,.@-]{2,64}$/, "a session name has 2 to 64 letters, digits or _+=,.@-");
export type SessionName = z.infer<typeof SessionName> & z.$brand<"SessionName">;

/** The name of an inline or managed policy (IAM API reference, PutRolePolicy, PolicyName). */
export const PolicyName = z.string().regex(/^[A-Za-z0-9_+=,.@-]{1,128}$/, "a policy name has 1 to 128 letters, digits or _+=,.@-");
export type PolicyName = z.infer<typeof PolicyName> & z.$brand<"PolicyName">;

/** The role's name in `text`, or undefined. */
export function parseRoleName(text: string): RoleName | undefined {
  return RoleName.safeParse(text).data as RoleName | undefined;
}

/** The session name in `text`, or undefined. */
export function parseSessionName(text: string): SessionName | undefined {
  return SessionName.safeParse(text).data as SessionName | undefined;
}
