/** TLS from the files that the configuration names. The files are read again when they change. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type TlsOptions } from "node:tls";

export interface TlsFiles {
  /** Paths of PEM files: the certificate chain of the server, and its private key */
  cert: string;
  key: string;
  /** The certificate authorities for clients. If it is set, only clients with a certificate from one of them are served. */
  clientCa?: string;
}

export interface TlsMaterial {
  options: TlsOptions;
  /** Differs if the content of the files differs */
  digest: string;
}

/** The oldest version that a server may use by RFC 9325 §3.1.1. */
const minVersion = "TLSv1.2";

/**
 * Reads the files and checks that TLS accepts them.
 *
 * @throws Error that names the setting whose file can't be read, or says that the files don't match; it never contains their content
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
  // With an empty list of authorities, some libraries trust no client and others trust every client.
  if (!pem.includes("-----BEGIN ")) throw new Error(`The file of ${setting} holds no PEM.`);
  return pem;
}
