// `bk-server key`: keys are added, sign by RFC 9421, and are revoked, while a server runs.
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";

import { type SigningKey, signFetch } from "@bk/auth/message-signatures";
import { describe, expect, it } from "vitest";

import { runHere, startServerProcess, temporaryFolder } from "./run-cli.js";

const json = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function ask(url: string, keyid: string, key: SigningKey, init: RequestInit = {}): Promise<{ status: number; body: object }> {
  const reply = await fetch(await signFetch(new Request(url, init), { key, keyid }));
  return { status: reply.status, body: (await reply.json()) as object };
}

describe("bk-server key", { timeout: 60_000 }, () => {
  it("adds keys that sign until they are revoked, or the account is deleted", async () => {
    using folder = temporaryFolder();
    const at = ["--home", folder.path];
    await using server = await startServerProcess([...at, "--port", "0", "--log-level", "warn"]);
    const run = async (...args: string[]): Promise<Record<string, unknown>[]> => {
      const { code, stdout, stderr } = await runHere([...args, ...at]);
      expect([code, stderr]).toEqual([0, ""]);
      return json(stdout);
    };
    const [account] = await run("account", "add", "--login", "bob");
    const [made] = await run("key", "add", "--login", "bob");
    expect(made).toEqual({ keyid: expect.stringMatching(/^key_/), login: "bob", secret: expect.stringMatching(/^[\w-]{43}$/) });
    const hmac = { algorithm: "hmac-sha256", secret: String(made!["secret"]) } as const;
    const keyid = String(made!["keyid"]);
    expect(await ask(`${server.url}/auth`, keyid, hmac)).toMatchObject({ status: 200, body: { id: account!["id"], login: "bob" } });

    const pair = generateKeyPairSync("ed25519");
    const pem = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    writeFileSync(folder.file("key.pem"), pem);
    const more = ["--scopes", "GET /auth; /ping", "--ends", "2130-01-31"];
    expect(await run("key", "add", "--login", "bob", "--keyid", "ed", "--public-key", folder.file("key.pem"), ...more)).toEqual([
      { keyid: "ed", login: "bob" },
    ]);
    const ed = { algorithm: "ed25519", privateKey: pem } as const;
    expect(await ask(`${server.url}/auth`, "ed", ed)).toMatchObject({ status: 200, body: { login: "bob" } });
    expect(await ask(`${server.url}/auth/sessions`, "ed", ed)).toMatchObject({ status: 403, body: { code: "SCOPE" } });

    const listed = await run("key", "list", "--login", "bob");
    expect(listed.map((key) => [key["keyid"], key["algorithm"], key["scopes"], key["ends"]]).sort()).toEqual(
      [
        [keyid, "hmac-sha256", null, null],
        ["ed", "ed25519", ["GET /auth", "/ping"], Date.parse("2130-01-31")],
      ].sort(),
    );
    for (const secret of [hmac.secret, "PRIVATE", "bks1"]) expect(JSON.stringify(listed)).not.toContain(secret);

    expect(await run("key", "revoke", "--login", "bob", "--keyid", keyid)).toEqual([{ revoked: keyid }]);
    expect(await ask(`${server.url}/auth`, keyid, hmac)).toMatchObject({ status: 401, body: { code: "KEYENDED" } });
    expect(await ask(`${server.url}/auth`, "ed", ed)).toMatchObject({ status: 200 });
    await run("account", "del", "--yes", "--login", "bob");
    await run("account", "add", "--login", "bob");
    expect(await ask(`${server.url}/auth`, "ed", ed)).toMatchObject({ status: 401, body: { code: "NOAUTH" } });
    expect(await run("key", "list", "--login", "bob")).toEqual([]);
  });

  it("says what cannot be, and adds nothing then", async () => {
    using folder = temporaryFolder();
    const run = (...args: string[]): ReturnType<typeof runHere> => runHere([...args, "--home", folder.path]);
    await run("account", "add", "--login", "bob");
    await run("account", "add", "--login", "eve");
    expect((await run("key", "add", "--login", "bob", "--keyid", "k")).code).toBe(0);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" });
    writeFileSync(folder.file("rsa.pem"), rsa as string);
    writeFileSync(folder.file("text"), "no key");
    const keyOf = (...more: string[]): string[] => ["key", "add", "--login", "bob", ...more];
    for (const [args, message] of [
      [["key", "add", "--login", "nobody"], 'no account with the login "nobody"'],
      [["key", "list", "--login", "nobody"], 'no account with the login "nobody"'],
      [keyOf("--keyid", "k"), 'there is a key "k" already'],
      [keyOf("--keyid", "ü"), "printable ASCII"],
      [keyOf("--ends", "soon"), "--ends: is no date"],
      [keyOf("--scopes", "data"), "scopes"],
      [keyOf("--public-key", folder.file("rsa.pem")), "not of ed25519"],
      [keyOf("--public-key", folder.file("text")), "holds no key as PEM text"],
      [keyOf("--public-key", folder.file("none")), "cannot read"],
      [["key", "revoke", "--login", "eve", "--keyid", "k"], '"eve" has no key "k"'],
    ] as const) {
      const { code, stdout, stderr } = await run(...args);
      expect([args, code, stdout, stderr]).toEqual([args, 1, "", expect.stringContaining(message)]);
    }
    const { stdout } = await run("key", "list", "--login", "bob");
    expect(json(stdout).map(({ keyid, ends }) => [keyid, ends])).toEqual([["k", null]]);
  });
});
