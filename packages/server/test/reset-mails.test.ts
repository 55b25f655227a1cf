// bk-server mails tokens to people who forgot their secret.

import { readdirSync, readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { runHere, signedFetch, startServerProcess, temporaryFolder } from "./run-cli.js";

const post = (url: string, body: object): Promise<Response> =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

describe("bk-server with mail-transport", () => {
  it("mails a token that sets a new secret, and logs no token", async () => {
    using folder = temporaryFolder();
    const home = ["--home", folder.path];
    await runHere(["account", "add", ...home, "--login", "ann", "--secret", "old", "--email", "ann@example.com"]);
    const mails = folder.file("mails");
    const settings = ["--mail-transport", `file:${mails}`, "--mail-from", "app@example.com", "--mail-page", "https://app.example.com/new"];
    await using server = await startServerProcess([...home, "--port", "0", "--modules", "none", "--log-level", "debug", ...settings]);
    expect((await post(`${server.url}/login/reset`, { login: "ann" })).status).toBe(200);
    expect((await post(`${server.url}/login/reset`, { login: "nobody" })).status).toBe(200);
    const files = await expect
      .poll(() => readdirSync(mails).filter((name) => name.endsWith(".eml")), { timeout: 20_000 })
      .toHaveLength(1)
      .then(() => readdirSync(mails));
    const mail = readFileSync(`${mails}/${files[0]!}`, "utf8").replaceAll("=\r\n", "");
    expect(mail).toMatch(/^To: ann@example\.com\r$/m);
    const [, token = ""] = /https:\/\/app\.example\.com\/new#(bkr_[\w-]+)/.exec(mail) ?? [];
    expect(token).not.toBe("");
    expect((await post(`${server.url}/login/reset/confirm`, { token, secret: "a new one" })).status).toBe(200);
    expect((await signedFetch({ url: `${server.url}/auth`, login: "ann", secret: "a new one" })).status).toBe(200);
    expect((await server.stop()).stderr).not.toContain(token);
  });

  it.each([
    [["--mail-transport", "json:"], "mail-transport needs mail-from"],
    [["--mail-from", "a@b.c"], "need mail-transport"],
    [["--mail-transport", "ftp://ann:hunter2@x", "--mail-from", "a@b.c"], "there is no mail transport ftp:"],
    [["--mail-transport", "json:", "--mail-from", "nobody"], "mail-from: from is no address"],
    [["--mail-transport", "json:", "--mail-from", "a@b.c", "--mail-page", "javascript:x"], "mail-page must be a URL"],
  ])("refuses %j", async (args, message) => {
    using folder = temporaryFolder();
    const { code, stderr } = await runHere(["--port", "0", ...args], { cwd: folder.path });
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("hunter2");
  });
});
