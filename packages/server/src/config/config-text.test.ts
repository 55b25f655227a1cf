import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { temporaryFolder } from "../../test/run-cli.js";
import { readConfigFile } from "./config-text.js";
import type { Facts } from "./facts.js";

const facts: Facts = {
  role: "web",
  home: "/srv",
  environment: { STAGE: "one", PASSWORD: "p$1" },
  own: { mode: "production", tag: "blue" },
  version: "1.2.0",
};

function read(text: string, others: Readonly<Record<string, string>> = {}): string[] {
  using folder = temporaryFolder();
  for (const [name, own] of Object.entries({ config: text, ...others })) {
    mkdirSync(join(folder.file(name), ".."), { recursive: true });
    writeFileSync(folder.file(name), own);
  }
  const given = readConfigFile(folder.file("config"), "config", { facts, onFile: () => undefined });
  return given.map(({ name, text: value, role }) => `${name}${role === undefined ? "" : `@${role}`}=${value ?? "~"}`);
}

describe("a configuration file", () => {
  it.each<[string, string, string[]]>([
    ["lines", "a=1\n# no\n; no\n\n  b = x = y  \n-c=2\n--d=3\r\ne=", ["a=1", "b=x = y", "c=2", "d=3", "e="]],
    ["values", "a=~\nb=<null>\nc=''\nd=x\\ny # z\ne=%20", ["a=~", "b=~", "c=", "d=x\ny # z", "e=%20"]],
    ["variables", "a=x${STAGE}y\nb=${NONE:-d}\nc=$${STAGE}\nd=${PASSWORD}\ne=$5", ["a=xoney", "b=d", "c=${STAGE}", "d=p$1", "e=$5"]],
    [
      "sections",
      "[role=web,worker]\na=1\n[role!=web]\nb=1\n[tag=blue]\nc=1\n[zone=]\nd=1\n[zone!=]\ne=1\n[global]\nf=1",
      ["a=1", "c=1", "d=1", "f=1"],
    ],
    ["facts", "[env.STAGE=one]\na=1\n[process.platform=none]\nb=1\n[version=1.2.0]\nc=1\n[mode=production]\nd=1", ["a=1", "c=1", "d=1"]],
    ["roles", "a@worker=1\na@web=2", ["a@worker=1", "a@web=2"]],
  ])("has %s", (_name, text, expected) => expect(read(text)).toEqual(expected));

  it("includes others, within sections too, and takes secrets from files", () => {
    const others = { "sub/more": "b=2\ninclude deep\n", "sub/deep": "c=3", "web.conf": "d=4", key: "s3cret\n" };
    const text =
      "a=1\ninclude sub/more\n[role=worker]\ninclude none\n[global]\ninclude @role@.conf\ninclude-optional @zone@.conf\nmaster-key@file=key";
    expect(read(text, others)).toEqual(["a=1", "b=2", "c=3", "d=4", "master-key=s3cret"]);
  });

  it.each([
    ["no line", "config, line 1: is not name=value"],
    ["a=1\n[rol=web]", 'line 2: no section is named "rol"; did you mean role?'],
    ["[web]", "line 1: a section is [name=value"],
    ["a=${NONE}", "line 1: the environment has no NONE"],
    ["a=${x y}", "line 1: a variable is"],
    ["a=1\ninclude none", "config, line 2: cannot read none (ENOENT)"],
    ["include config", "line 1: config includes itself"],
    ["include @zone@.conf", "line 1: @zone@ is not known here"],
    ["key@file=none", "config, line 1: key: cannot read none (ENOENT)"],
    ["a@b@c@d=1", "is no name; marks are @file and one of @server, @web"],
    ["a@web@worker=1", "is no name; marks are"],
    ["a@king=1", "is no name; marks are"],
  ])("%j is refused: %s", (text, message) => expect(() => read(text)).toThrow(message));

  it("lets what a name is made of lead nowhere else", () => {
    const outside: Facts = { ...facts, environment: { STAGE: "../../etc/passwd" } };
    using folder = temporaryFolder();
    writeFileSync(folder.file("config"), "include @env.STAGE@");
    expect(() => readConfigFile(folder.file("config"), "config", { facts: outside, onFile: () => undefined })).toThrow(
      "cannot read .._.._etc_passwd",
    );
  });
});
