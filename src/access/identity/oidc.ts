/**
 * Tokens of outside issuers (OpenID Connect Core 1.0, RFC 7519, RFC 8725), so that pipelines come without a stored secret. Who may
 * sign, for which audience and with which algorithms is pinned by configuration; what a caller may do comes from claims through
 * rules, never from the token's own word on scopes.
 */
import { createRemoteJWKSet, decodeJwt, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { z } from "zod";
import { type Caller, type Rights, scopes } from "../../model/caller.ts";

/** Only asymmetric algorithms: with a shared secret, the verifier could also sign. */
const algorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;

const rule = z.strictObject({
  /** Claims and the values that they must have, exactly; a rule without claims fits nobody. */
  claims: z.record(z.string(), z.string().min(1)).refine((claims) => Object.keys(claims).length > 0, "a rule names at least one claim"),
  tenants: z.union([z.literal("*"), z.array(z.string()).min(1)]),
  scopes: z.array(z.enum(scopes)).min(1),
});

const issuer = z.strictObject({
  /** The prefix of the callers' names, before the token's subject. */
  name: z.string().regex(/^[a-z0-9-]{1,32}$/),
  issuer: z.url(),
  audience: z.string().min(1),
  algorithms: z.array(z.enum(algorithms)).min(1),
  /** https, or anything on loopback */
  jwksUri: z.url().refine(isSafe, "https, or http on loopback"),
  /** The claim that names the caller. */
  subject: z.string().default("sub"),
  /** seconds between `iat` and `exp` */
  maxLifetime: z.int().min(60).max(86_400).default(3_600),
  /** seconds by which clocks may differ */
  clockTolerance: z.int().min(0).max(120).default(30),
  /** The first rule that fits decides. If none fits, the token is refused. */
  rules: z.array(rule).min(1),
});

/** DRAWBRIDGE_OIDC: a list of issuers, as JSON. */
export const issuersSchema = z
  .array(issuer)
  .max(20)
  .refine((list) => new Set(list.map((one) => one.issuer)).size === list.length, "each issuer once");
export type Issuer = z.output<typeof issuer>;

/** The caller that a token stands for; undefined for every token that isn't valid here. */
export type TokenReader = (token: string) => Promise<Caller | undefined>;

/**
 * Reads the tokens of these issuers. Keys are fetched when a token needs them, kept for ten minutes, and fetched again for an unknown
 * key id once in 30 s at most, so that made-up key ids don't become requests.
 */
export function tokenReader(issuers: readonly Issuer[]): TokenReader {
  const known = new Map<string, { issuer: Issuer; keys: JWTVerifyGetKey }>();
  for (const one of issuers) {
    const keys = createRemoteJWKSet(new URL(one.jwksUri), { cacheMaxAge: 600_000, cooldownDuration: 30_000, timeoutDuration: 3_000 });
    known.set(one.issuer, { issuer: one, keys });
  }
  return async (token) => {
    const claimed = issuerOf(token);
    const found = claimed === undefined ? undefined : known.get(claimed);
    if (!found) return undefined;
    const payload = await verified(token, found.issuer, found.keys);
    return payload && callerOf(payload, found.issuer);
  };
}

/** Chooses the issuer whose rules apply. Nothing else of the token is used before its signature is checked. */
function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

async function verified(token: string, one: Issuer, keys: JWTVerifyGetKey): Promise<JWTPayload | undefined> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: one.issuer,
      audience: one.audience,
      algorithms: one.algorithms,
      clockTolerance: one.clockTolerance,
      requiredClaims: ["iat", "exp", "sub"],
    });
    const { iat = 0, exp = Number.POSITIVE_INFINITY } = payload;
    const isFromNow = iat <= Date.now() / 1000 + one.clockTolerance;
    return isFromNow && exp > iat && exp - iat <= one.maxLifetime ? payload : undefined;
  } catch {
    return undefined;
  }
}

function callerOf(payload: JWTPayload, one: Issuer): Caller | undefined {
  const subject = payload[one.subject];
  if (typeof subject !== "string" || !/^[\x21-\x7e]{1,200}$/.test(subject)) return undefined;
  const rule = ruleFor(one, payload);
  if (!rule) return undefined;
  const names = new Set(one.rules.flatMap(({ claims }) => Object.keys(claims)));
  const claims = [...names].flatMap((name): [string, string][] => {
    const value = payload[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  const credential = { kind: "issuer" as const, issuer: one.issuer, claims: Object.fromEntries(claims) };
  return { subject: `${one.name}:${subject}`, tenants: rule.tenants, scopes: rule.scopes, credential };
}

/** What the rules of today give these claims; undefined if no rule fits, or if the issuer isn't configured any more. */
export function rightsOfClaims(
  issuers: readonly Issuer[],
  { issuer, claims }: { issuer: string; claims: Record<string, string> },
): Rights | undefined {
  return ruleFor(
    issuers.find((one) => one.issuer === issuer),
    claims,
  );
}

/** The first rule that fits decides. */
function ruleFor(one: Issuer | undefined, payload: JWTPayload): Rights | undefined {
  return one?.rules.find(({ claims }) => Object.entries(claims).every(([name, value]) => payload[name] === value));
}

function isSafe(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname));
}
