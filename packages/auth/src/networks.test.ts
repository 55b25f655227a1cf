import { BlockList, isIP } from "node:net";

import { describe, expect, it } from "vitest";

import { networkTest, type NetworkTest } from "./networks.js";

const testOf = (...texts: string[]): NetworkTest => {
  const test = networkTest(texts);
  if (typeof test !== "function") throw new Error(`${test.wrong} is no network`);
  return test;
};

const addresses = [
  "0.0.0.0",
  "10.0.0.0",
  "10.0.0.1",
  "10.1.2.3",
  "10.255.255.255",
  "11.0.0.0",
  "127.0.0.1",
  "192.168.0.129",
  "255.255.255.255",
  "::",
  "::1",
  "2001:db8::1",
  "2001:db8:0:1::",
  "2001:db8:ffff::",
  "fe80::1",
  "ff02::fb",
  "::ffff:10.0.0.1",
  "::ffff:a00:1",
  "64:ff9b::10.0.0.1",
  "1:2:3:4:5:6:7:8",
];
const plainOf = (address: string): string => address.replace(/^::ffff:a00:1$/, "10.0.0.1").replace(/^::ffff:/, "");
const bitsOf = (address: string): number[] =>
  isIP(address) === 4 ? [0, 1, 7, 8, 9, 16, 24, 25, 31, 32] : [0, 1, 16, 32, 33, 48, 63, 64, 96, 120, 127, 128];

describe("networks", () => {
  it("hold the addresses that Node says they hold, over all prefixes", () => {
    for (const base of addresses.filter((address) => !address.startsWith("::ffff")))
      for (const bits of bitsOf(base)) {
        const list = new BlockList();
        list.addSubnet(base, bits, isIP(base) === 6 ? "ipv6" : "ipv4");
        const test = testOf(`${base}/${bits}`);
        for (const address of addresses) {
          // Node takes IPv4 addresses for IPv6 ones in some networks; here they are in their own alone.
          if (isIP(plainOf(address)) !== isIP(base)) continue;
          const plain = plainOf(address);
          expect({ base, bits, address, isIn: test(address) }).toEqual({
            base,
            bits,
            address,
            isIn: list.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4"),
          });
        }
      }
  });

  it("take mapped addresses for the IPv4 ones that they are, in networks too", () => {
    expect(testOf("10.0.0.0/8")("::FFFF:10.9.9.9")).toBe(true);
    expect(testOf("::ffff:10.0.0.0/104")("10.9.9.9")).toBe(true);
    expect(testOf("::/0")("10.0.0.1")).toBe(false);
    expect(testOf("fe80::/10")("fe80::1%eth0")).toBe(true);
  });

  it.each([
    "",
    "10",
    "10.0.0",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0.1/33",
    "10.0.0.1/",
    "10.0.0.1/-1",
    "10.0.0.1/8/8",
    "a.b.c.d",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "::1/129",
    "::1.2.3",
    "1.2.3.4::",
    "::ffff:10.0.0.0/95",
  ])("are not %j", (text) => {
    expect(networkTest(["10.0.0.1", text])).toEqual({ wrong: text });
    expect(testOf("0.0.0.0/0", "::/0")(text)).toBe(false);
  });
});
