/** Certificates for tests (X.509 v3, RFC 5280, ECDSA with SHA-256). They are made at run time, so the repository holds no private key. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Issued {
  /** PEM */
  cert: string;
  key: string;
  name: string;
  signer: KeyObject;
}

/** A certificate for `127.0.0.1`, signed by the authority `by`. Without `by` the certificate signs itself and is an authority. */
export function issue(name: string, by?: Issued): Issued {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const ecdsaWithSha256 = sequence(oid("2a8648ce3d040302"));
  const extension = (id: string, value: Buffer) => sequence(oid(id), tag(0x01, Buffer.of(0xff)), tag(0x04, value));
  const alternativeNames = sequence(oid("551d11"), tag(0x04, sequence(tag(0x87, Buffer.of(127, 0, 0, 1)))));
  const body = sequence(
    tag(0xa0, tag(0x02, Buffer.of(2))),
    tag(0x02, Buffer.concat([Buffer.of(0x01), randomBytes(8)])),
    ecdsaWithSha256,
    distinguished(by?.name ?? name),
    sequence(time(-3_600_000), time(3_600_000)),
    distinguished(name),
    publicKey.export({ type: "spki", format: "der" }),
    tag(0xa3, sequence(extension("551d13", by ? sequence() : sequence(tag(0x01, Buffer.of(0xff)))), alternativeNames)),
  );
  const signer = by?.signer ?? privateKey;
  const der = sequence(body, ecdsaWithSha256, tag(0x03, Buffer.concat([Buffer.of(0), sign("sha256", body, signer)])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  const cert = `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
  return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(), name, signer: privateKey };
}

function tag(type: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(type, ...size), content]);
}

const sequence = (...parts: Buffer[]) => tag(0x30, Buffer.concat(parts));
const oid = (hex: string) => tag(0x06, Buffer.from(hex, "hex"));
const distinguished = (name: string) => sequence(tag(0x31, sequence(oid("550403"), tag(0x0c, Buffer.from(name)))));

/** A UTCTime, `from` milliseconds from now. */
function time(from: number): Buffer {
  const text = new Date(Date.now() + from).toISOString().replaceAll(/[-:T]/g, "").slice(2, 14);
  return tag(0x17, Buffer.from(`${text}Z`));
}
