// Networks that requests come from. Without Node's own, so that rules work in workers too.

/** Whether an address is in one of some networks. */
export type NetworkTest = (address: string) => boolean;

interface Network {
  /** 4 or 16 bytes. */
  readonly bytes: readonly number[];
  /** How many bits of them count. */
  readonly bits: number;
}

/**
 * Compiles addresses, and networks such as `10.0.0.0/8` or `2001:db8::/32`. An IPv4 address that is written as an IPv6 one (`::ffff:10.0.0.1`)
 * is the IPv4 address.
 *
 * @returns  the first text that is neither, or the test. An address that cannot be read is in no network
 */
export function networkTest(texts: readonly string[]): NetworkTest | { readonly wrong: string } {
  const networks: Network[] = [];
  for (const text of texts) {
    const network = networkOf(text);
    if (network === undefined) return { wrong: text };
    networks.push(network);
  }
  return (address) => {
    const bytes = bytesOf(address);
    return bytes !== undefined && networks.some((network) => isIn(network, bytes));
  };
}

function networkOf(text: string): Network | undefined {
  const at = text.indexOf("/");
  const bytes = bytesOf(at < 0 ? text : text.slice(0, at));
  if (bytes === undefined) return undefined;
  const most = bytes.length * 8;
  if (at < 0) return { bytes, bits: most };
  const given = text.slice(at + 1);
  // Of a mapped address the bits before the IPv4 part are counted too.
  const bits = Number(given) - (most === 32 && text.includes(":") ? 96 : 0);
  return /^\d{1,3}$/.test(given) && bits >= 0 && bits <= most ? { bytes, bits } : undefined;
}

function isIn({ bytes, bits }: Network, address: readonly number[]): boolean {
  if (address.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== bytes[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole]! ^ bytes[whole]!) >> (8 - rest) === 0;
}

/** The bytes of an address, of a mapped one those of its IPv4 address; undefined for a text that is none. */
function bytesOf(text: string): number[] | undefined {
  if (!text.includes(":")) return ipv4(text);
  // A scope says which of the own interfaces it came by.
  const [address = ""] = text.split("%", 1);
  const halves = address.split("::");
  if (halves.length > 2 || (address.includes(".") && !/:[\d.]+$/.test(address))) return undefined;
  const [head, tail = []] = halves.map((half) => (half === "" ? [] : half.split(":").map(groupBytes)));
  const [first, last] = [head!.flat(), tail.flat()];
  if (first.includes(undefined) || last.includes(undefined)) return undefined;
  const missing = 16 - first.length - last.length;
  // `::` stands for one group at least.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  const bytes = [...first, ...Array<number>(missing).fill(0), ...last] as number[];
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return isMapped ? bytes.slice(12) : bytes;
}

/** Two bytes of a group, or four of an IPv4 address at the end. */
function groupBytes(group: string, at: number, all: readonly string[]): (number | undefined)[] {
  if (group.includes(".")) return at === all.length - 1 ? (ipv4(group) ?? [undefined]) : [undefined];
  if (!/^[0-9a-f]{1,4}$/i.test(group)) return [undefined];
  const number = Number.parseInt(group, 16);
  return [number >> 8, number & 255];
}

function ipv4(text: string): number[] | undefined {
  // Leading zeros are read as octal by some, so they are not read at all.
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}
