/** Git's credentials: each fetch has its own home folder, whose config holds the credential. Arguments and URLs hold no secret. */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ProblemError } from "../problem.ts";

export interface GitAccess {
  url: string;
  /** The whole environment that git is given */
  environment: Record<string, string>;
}

const secretName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/**
 * A secret of the service's secrets folder, such as a mounted Kubernetes secret; sources name it and never hold it.
 *
 * @throws ProblemError source_unreachable when there is none, or an empty one
 */
export async function readSecret(secretsDir: string, name: string): Promise<string> {
  const text = secretName.test(name) ? await readFile(path.join(secretsDir, name), "utf8").catch(() => "") : "";
  const secret = text.trim();
  if (secret !== "") return secret;
  throw new ProblemError(
    "source_unreachable",
    `There is no secret ${name} in the service's secrets folder. Put it there, or name another.`,
    {
      cause: "no-such-secret",
    },
  );
}

/**
 * A repository's URL and git's environment: `https://` with a token, `ssh://` or `git@host:path` with a private key, `file://` or a
 * folder of this machine. Written into `home`, which the caller removes.
 *
 * @throws ProblemError source_unreachable
 */
export async function gitAccess(
  { repository, credentials }: { repository: string; credentials?: string },
  { home, secretsDir }: { home: string; secretsDir: string },
): Promise<GitAccess> {
  const url = path.isAbsolute(repository) ? `file://${repository}` : repository;
  const secret = credentials === undefined ? undefined : await readSecret(secretsDir, credentials);
  const config =
    secret === undefined ? "" : url.startsWith("https://") ? httpsConfig(url, secret) : await sshConfig(secret, { home, secretsDir });
  await writeFile(path.join(home, ".gitconfig"), `${config}${authority(secretsDir, credentials)}`, { mode: 0o600 });
  return {
    url,
    environment: {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      HOME: home,
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_LFS_SKIP_SMUDGE: "1",
      LC_ALL: "C",
    },
  };
}

/** A token for one host only, so that a redirect elsewhere doesn't carry it. */
function httpsConfig(url: string, token: string): string {
  const basic = Buffer.from(token.includes(":") ? token : `x-access-token:${token}`).toString("base64");
  return `[http "${new URL(url).origin}"]\n\textraHeader = Authorization: Basic ${basic}\n\tfollowRedirects = false\n`;
}

/** A private server may have a certificate of a private authority: then `<credentials>.ca` stands beside the token. */
function authority(secretsDir: string, credentials: string | undefined): string {
  const file = path.join(secretsDir, `${credentials}.ca`);
  return credentials !== undefined && existsSync(file) ? `[http]\n\tsslCAInfo = ${file}\n` : "";
}

/** The host's key must be known beforehand: `known_hosts` in the secrets folder. */
async function sshConfig(key: string, { home, secretsDir }: { home: string; secretsDir: string }): Promise<string> {
  const [keyFile, knownHosts] = [path.join(home, "key"), path.join(home, "known_hosts")];
  await writeFile(keyFile, `${key}\n`, { mode: 0o600 });
  await writeFile(knownHosts, `${await readSecret(secretsDir, "known_hosts")}\n`, { mode: 0o600 });
  const options = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes", `UserKnownHostsFile=${knownHosts}`];
  return `[core]\n\tsshCommand = ssh -F none -i ${keyFile} ${options.map((option) => `-o ${option}`).join(" ")}\n`;
}
