// Where requests may come from: by path, and by type of account.
import { describe, expect, it } from "vitest";
import { type AccessRules, createAuth, signRequest } from "../src/index.js";
import { storeOf } from "./vectors.js";

const accounts = storeOf(["user", "admin", "editor,user"].map((type) => ({ id: `u-${type}`, login: type, type, secret: "s3cret" })));
const url = "https://api.example.com";

async function ask(rules: AccessRules, login: string | undefined, path: string, address?: string): Promise<string> {
  const headers = login === undefined ? {} : await signRequest({ method: "GET", url: url + path, login, secret: "s3cret" });
  const verdict = await createAuth({ accounts, rules }).check(new Request(url + path, { headers }), { address, target: path });
  return verdict.ok ? "ok" : `${verdict.status} ${verdict.code}`;
}

const inside = "10.1.2.3";
const outside = "192.0.2.7";
const here = { allow: ["10.0.0.0/8", "2001:db8::/32"], deny: ["10.9.0.0/16"] };
const byPath: AccessRules = { networks: [{ ...here, paths: ["/system/*", "/"] }] };
const byType: AccessRules = { networks: [{ ...here, types: ["admin", "editor"] }] };

describe("rules of networks", () => {
  it.each<[string, AccessRules, string | undefined, string, string | undefined, string]>([
    ["take everybody from where they may come", { networks: [here] }, "user", "/data", inside, "ok"],
    ["and IPv6", { networks: [here] }, "user", "/data", "2001:db8::5", "ok"],
    ["and an IPv4 address in the form of an IPv6 one", { networks: [here] }, "user", "/data", `::ffff:${inside}`, "ok"],
    ["let nobody in for an address", { networks: [here] }, undefined, "/data", inside, "401 NOLOGIN"],
    ["refuse others, an admin too", { networks: [here] }, "admin", "/data", outside, "403 DENY"],
    ["refuse others where everybody may ask", { networks: [here] }, undefined, "/ping", outside, "403 DENY"],
    ["refuse what is denied within what is allowed", { networks: [here] }, "user", "/data", "10.9.1.1", "403 DENY"],
    ["refuse an address that is not known where some are allowed", { networks: [here] }, "user", "/data", undefined, "403 DENY"],
    ["and what is no address", { networks: [here] }, "user", "/data", "unix:", "403 DENY"],
    ["take an address that is not known where some are denied", { networks: [{ deny: ["10.0.0.0/8"] }] }, "user", "/data", undefined, "ok"],
    ["refuse from networks that are denied alone", { networks: [{ deny: ["10.0.0.0/8"] }] }, "user", "/data", inside, "403 DENY"],
    ["are for their paths", byPath, "user", "/data", outside, "ok"],
    ["and close them", byPath, "admin", "/system/stats/get", outside, "403 DENY"],
    ["also by another spelling", byPath, "admin", "/x/../%73ystem/stats/get", outside, "403 DENY"],
    ["are for their types", byType, "user", "/data", outside, "ok"],
    ["and close to them, an admin too", byType, "admin", "/data", outside, "403 DENY"],
    ["whichever of its types it is", byType, "editor,user", "/data", outside, "403 DENY"],
    ["and take them from where they may come", byType, "admin", "/data", inside, "ok"],
    ["say nothing to nobody", byType, undefined, "/data", outside, "401 NOLOGIN"],
    ["add up", { networks: [here, { allow: ["10.1.0.0/16"] }] }, "user", "/data", "10.2.0.1", "403 DENY"],
  ])("%s", async (_what, rules, login, path, address, expected) => {
    expect(await ask(rules, login, path, address)).toBe(expected);
  });

  it("use up no signature that they refuse", async () => {
    const { check } = createAuth({ accounts, rules: byType });
    const headers = await signRequest({ method: "POST", url: `${url}/data`, login: "admin", secret: "s3cret" });
    const request = (): Request => new Request(`${url}/data`, { method: "POST", headers });
    expect(await check(request(), { address: outside })).toMatchObject({ ok: false, status: 403 });
    expect(await check(request(), { address: inside })).toMatchObject({ ok: true });
  });

  it.each<[AccessRules["networks"], string]>([
    [[{ allow: ["10.0.0.0/33"] }], "rules.networks.0.allow"],
    [[{}, { deny: ["example.com"] }], "rules.networks.1.deny"],
    [[{ allow: [], paths: ["system"] }], "rules.networks.0.paths"],
    [[{ allow: [], types: [] }], "rules.networks.0.types"],
  ])("are refused where they cannot be used: %j", (networks, field) => {
    expect(() => createAuth({ accounts, rules: { networks } })).toThrow(expect.objectContaining({ code: "invalid", detail: { field } }));
  });
});
