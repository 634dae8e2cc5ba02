import { BlockList, isIP } from "node:net";
import { type Truth, truth } from "../evaluate/truth.ts";

/** Whether an IPv4 or IPv6 address lies in a CIDR range or is that one address; unknown when either can't be read. */
export function addressInRange(address: string, range: string): Truth {
  const family = isIP(address);
  const [base = "", bits, ...rest] = range.split("/");
  const rangeFamily = isIP(base);
  if (family === 0 || rangeFamily === 0 || rest.length > 0) return "unknown";
  const size = rangeFamily === 4 ? 32 : 128;
  if (bits !== undefined && (!/^[0-9]{1,3}$/.test(bits) || Number(bits) > size)) return "unknown";
  if (family !== rangeFamily) return "no";
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(base, bits === undefined ? size : Number(bits), type);
  return truth(list.check(address, type));
}
