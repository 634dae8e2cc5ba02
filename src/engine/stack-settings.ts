/** The stack's settings file: configuration, and the reference to the key that encrypts its secrets. */
import { createCipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Checkpoint } from "./state/checkpoint.ts";

/** What encrypts secrets in state: a passphrase in the sandbox, a KMS key (`awskms://…`) elsewhere. */
export type SecretsConfig = { provider: "passphrase"; passphrase: string } | { provider: "awskms"; url: string };

/**
 * Makes a salt in the format of Pulumi's passphrase provider: `v1:<salt>:v1:<nonce>:<sealed>`. The sealed word proves the passphrase
 * (pulumi/pulumi pkg/secrets/passphrase: PBKDF2-SHA256, 1,000,000 rounds, AES-256-GCM).
 */
export async function makeSalt(passphrase: string): Promise<string> {
  const salt = randomBytes(8);
  const nonce = randomBytes(12);
  const key = await promisify(pbkdf2)(passphrase, salt, 1_000_000, 32, "sha256");
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const sealed = Buffer.concat([cipher.update("pulumi"), cipher.final(), cipher.getAuthTag()]);
  return ["v1", salt.toString("base64"), "v1", nonce.toString("base64"), sealed.toString("base64")].join(":");
}

const salts = new Map<string, Promise<string>>();

/**
 * The salt of this process's new stacks. They share it because deriving a key takes 0.4 CPU-seconds (measured), as much as a whole CLI
 * start. They share their passphrase anyway, and each secret has its own nonce (pulumi/pulumi pkg/secrets/passphrase).
 */
function saltOf(passphrase: string): Promise<string> {
  const salt = salts.get(passphrase) ?? makeSalt(passphrase);
  salts.set(passphrase, salt);
  return salt;
}

/**
 * The text of `Pulumi.<stack>.yaml` (JSON is YAML). The salt or encrypted key comes from state if state has one. With another one, the CLI
 * would derive two keys in every process, or make a new data key each time.
 */
export async function stackSettings(secrets: SecretsConfig, checkpoint: Checkpoint | undefined): Promise<string> {
  const config = { "pulumi:disable-default-providers": ["*"] };
  const known = checkpoint?.secrets?.state;
  if (secrets.provider === "passphrase") {
    const salt = typeof known?.["salt"] === "string" ? known["salt"] : await saltOf(secrets.passphrase);
    return JSON.stringify({ encryptionsalt: salt, config });
  }
  const separator = secrets.url.includes("?") ? "&" : "?";
  const secretsprovider = `${secrets.url}${separator}profile=state`;
  const encryptedkey = typeof known?.["encryptedkey"] === "string" ? known["encryptedkey"] : undefined;
  return JSON.stringify({ secretsprovider, ...(encryptedkey ? { encryptedkey } : {}), config });
}
