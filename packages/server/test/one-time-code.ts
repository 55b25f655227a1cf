import { createHmac } from "node:crypto";

/** What the app on the phone shows now (RFC 6238). @param secret  in base32 */
export function codeOf(secret: string): string {
  const bits = Array.from(secret, (character) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(character).toString(2).padStart(5, "0")).join(
    "",
  );
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const hash = createHmac("sha1", Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2))))
    .update(counter)
    .digest();
  return String((hash.readUInt32BE(hash.at(-1)! & 0xf) & 0x7fffffff) % 1e6).padStart(6, "0");
}
