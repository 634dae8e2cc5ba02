/** IAM policy documents as AWS's grammar has them (IAM user guide, "Grammar of the IAM JSON policy language"). */
export type OneOrMany<T> = T | T[];
export type ConditionValue = OneOrMany<string | number | boolean>;
/** operator -> key -> values */
export type ConditionBlock = Record<string, Record<string, ConditionValue>>;
export type PrincipalElement = "*" | Record<string, OneOrMany<string>>;

export interface Statement {
  Sid?: string;
  Effect: "Allow" | "Deny";
  Principal?: PrincipalElement;
  NotPrincipal?: PrincipalElement;
  Action?: OneOrMany<string>;
  NotAction?: OneOrMany<string>;
  Resource?: OneOrMany<string>;
  NotResource?: OneOrMany<string>;
  Condition?: ConditionBlock;
}

export interface PolicyDocument {
  Version: string;
  Id?: string;
  Statement: Statement[];
}
