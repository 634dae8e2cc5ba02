/** TLS from files that the configuration names, read again when they change. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type TlsOptions } from "node:tls";

export interface TlsFiles {
  /** Paths of PEM files: the server's certificate and those that lead to its authority, and its key */
  cert: string;
  key: string;
  /** The authorities of clients. Where it is set, a client without a certificate of theirs isn't served. */
  clientCa?: string;
}

export interface TlsMaterial {
  options: TlsOptions;
  /** Tells one content of the files from another */
  digest: string;
}

/** The oldest that RFC 9325 §3.1.1 lets a server speak. */
const minVersion = "TLSv1.2";

/**
 * Reads the files and tries them.
 *
 * @throws Error that names the setting whose file can't be read, or says that they don't fit together; never what is in them
 */
export async function readTls(files: TlsFiles): Promise<TlsMaterial> {
  const cert = await readPem(files.cert, "DRAWBRIDGE_TLS_CERT");
  const key = await readPem(files.key, "DRAWBRIDGE_TLS_KEY");
  const ca = files.clientCa === undefined ? undefined : await readPem(files.clientCa, "DRAWBRIDGE_TLS_CLIENT_CA");
  const options: TlsOptions = { cert, key, minVersion, ...(ca && { ca, requestCert: true, rejectUnauthorized: true }) };
  try {
    createSecureContext(options);
  } catch {
    throw new Error("The files of DRAWBRIDGE_TLS_… can't be used: not PEM, or the key isn't the certificate's.");
  }
  const hash = createHash("sha256");
  for (const pem of [cert, key, ca ?? Buffer.alloc(0)]) hash.update(`${pem.length}:`).update(pem);
  return { options, digest: hash.digest("hex") };
}

async function readPem(file: string, setting: string): Promise<Buffer> {
  const pem = await readFile(file).catch(() => undefined);
  if (!pem) throw new Error(`The file of ${setting} can't be read.`);
  // An empty list of authorities would trust nobody, or, to some libraries, everybody.
  if (!pem.includes("-----BEGIN ")) throw new Error(`The file of ${setting} holds no PEM.`);
  return pem;
}
