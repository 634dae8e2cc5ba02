/** The stack's settings file: configuration and the reference to the key that its secrets are encrypted with. */
import { createCipheriv, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import type { Checkpoint } from "./state/checkpoint.ts";

/** How secrets in state are encrypted: by a passphrase in the sandbox, by a KMS key (`awskms://…`) elsewhere. */
export type SecretsConfig = { provider: "passphrase"; passphrase: string } | { provider: "awskms"; url: string };

/**
 * A salt as Pulumi's passphrase provider stores it: `v1:<salt>:v1:<nonce>:<sealed>`, the sealed word proving the
 * passphrase (pulumi/pulumi pkg/secrets/passphrase: PBKDF2-SHA256, 1,000,000 rounds, AES-256-GCM).
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
 * The salt of this process's new stacks. Deriving a key takes 0.4 CPU-seconds (measured), as much as a whole CLI start, and the stacks
 * share their passphrase in any case; each secret has a nonce of its own (pulumi/pulumi pkg/secrets/passphrase).
 */
function saltOf(passphrase: string): Promise<string> {
  const salt = salts.get(passphrase) ?? makeSalt(passphrase);
  salts.set(passphrase, salt);
  return salt;
}

/**
 * The text of `Pulumi.<stack>.yaml` (JSON is YAML). The salt or encrypted key comes from state where it is there: with
 * another one the CLI would derive two keys in every process, or make a new data key each time.
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
