/**
 * Who a statement names and who makes a request (IAM user guide, "AWS JSON policy elements: Principal" and
 * "IAM identifiers").
 */
import * as z from "zod";
import { type Partition, parseArn } from "./arn.ts";

export type Principal =
  | { kind: "anyone" }
  | { kind: "account"; accountId: string; partition?: Partition }
  | { kind: "role"; accountId: string; partition: Partition; path: string; name: string }
  | { kind: "user"; accountId: string; partition: Partition; path: string; name: string }
  | { kind: "session"; accountId: string; partition: Partition; roleName: string; sessionName: string }
  | { kind: "service"; service: string }
  /** What IAM writes in place of a deleted role (`AROA`) or user (`AIDA`): it matches nobody who exists now. */
  | { kind: "unique-id"; id: string };

const serviceName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?$/;
const uniqueId = /^A(?:ROA|IDA|GPA|IPA|NPA|SCA)[A-Z0-9]{12,28}$/;
const name = /^[A-Za-z0-9_+=,.@-]{1,64}$/;

/**
 * Reads one principal as it stands in a document: `*`, a bare account id, an IAM or STS ARN, a service's name or a
 * unique id. Undefined for anything else (federated and canonical users among them), which no rule here can judge.
 */
export function parsePrincipal(text: string): Principal | undefined {
  if (text === "*") return { kind: "anyone" };
  if (/^[0-9]{12}$/.test(text)) return { kind: "account", accountId: text };
  if (uniqueId.test(text)) return { kind: "unique-id", id: text };
  if (serviceName.test(text)) return { kind: "service", service: text };
  return parsePrincipalArn(text);
}

/** Whether a principal's text is what IAM left in place of something deleted; every later write of that document fails until it's removed. */
export function isUniqueId(text: string): boolean {
  return uniqueId.test(text);
}

function parsePrincipalArn(text: string): Principal | undefined {
  const arn = parseArn(text);
  if (arn === undefined || arn.region !== "" || !/^[0-9]{12}$/.test(arn.account)) return;
  const { account: accountId, partition } = arn;
  if (arn.service === "iam" && arn.resource === "root") return { kind: "account", accountId, partition };
  const parts = arn.resource.split("/");
  const [type, last] = [parts[0], parts.at(-1) ?? ""];
  if (parts.length < 2 || !name.test(last)) return;
  if (arn.service === "iam" && (type === "role" || type === "user")) {
    const path = `/${parts
      .slice(1, -1)
      .map((part) => `${part}/`)
      .join("")}`;
    return { kind: type, accountId, partition, path, name: last };
  }
  const roleName = parts[1] ?? "";
  if (arn.service !== "sts" || type !== "assumed-role" || parts.length !== 3 || !name.test(roleName)) return;
  return { kind: "session", accountId, partition, roleName, sessionName: last };
}

/** The account that a principal belongs to; none for services, anyone and unique ids. */
export function accountOfPrincipal(principal: Principal): string | undefined {
  return "accountId" in principal ? principal.accountId : undefined;
}

/** The ARN of an account's root, the form in which IAM stores a bare account id. */
export function accountRootArn(accountId: string, partition: Partition = "aws"): string {
  return `arn:${partition}:iam::${accountId}:root`;
}

/** The ARN of a session of a role: `sessionArn("arn:aws:iam::111122223333:role/x/y", "s")` is `…:assumed-role/y/s`, without the path. */
export function sessionArn(roleArn: string, sessionName: string): string {
  const role = parsePrincipal(roleArn);
  if (role?.kind !== "role") return roleArn;
  return `arn:${role.partition}:sts::${role.accountId}:assumed-role/${role.name}/${sessionName}`;
}

/** A principal that may stand alone in a trust as somebody outside: an exact account, role, user, session or service; never `*` or a unique id. */
export const OutsidePrincipal = z
  .string()
  .max(2048)
  .refine((text) => {
    const principal = parsePrincipal(text);
    return principal !== undefined && principal.kind !== "anyone" && principal.kind !== "unique-id";
  }, "not the exact ARN of an account, role, user or role session, nor a service");

/** Whether a session's ARN is one of this role's. */
export function isSessionOf(session: string, roleArn: string): boolean {
  const [asking, role] = [parsePrincipal(session), parsePrincipal(roleArn)];
  return asking?.kind === "session" && role?.kind === "role" && role.accountId === asking.accountId && role.name === asking.roleName;
}
