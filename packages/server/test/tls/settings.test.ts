// What is wrong with TLS is said before anything is served, and names the setting.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runCli, runHere, temporaryFolder } from "../run-cli.js";
import { Authority, hasOpenssl, type Pair } from "./authority.js";

const passphrase = "opens what is locked";

describe.runIf(hasOpenssl)("settings of TLS", () => {
  const folder = temporaryFolder();
  let authority: Authority;
  let [one, other]: Pair[] = [];
  let locked: { readonly key: string; readonly pfx: string };
  const junk = folder.file("junk");
  beforeAll(() => {
    authority = new Authority(folder.path);
    [one, other] = [authority.sign("one"), authority.sign("other")];
    locked = authority.lock("one", one, passphrase);
    writeFileSync(junk, "junk that nobody should see\n");
  });
  afterAll(() => folder[Symbol.dispose]());
  const check = (given: Readonly<Record<string, string>>) =>
    runHere(["config", "check", "--home", folder.path, ...Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])]);

  it.each<[string, () => Readonly<Record<string, string>>, string]>([
    ["a file that is not there", () => ({ "tls-cert": "none.pem", "tls-key": one!.key }), "tls-cert: cannot read none.pem (ENOENT)"],
    ["a key that is not there", () => ({ "tls-cert": one!.cert, "tls-key": "none.key" }), "tls-key: cannot read none.key (ENOENT)"],
    ["no key", () => ({ "tls-cert": one!.cert }), "tls-key is missing"],
    ["the key of another one", () => ({ "tls-cert": one!.cert, "tls-key": other!.key }), "tls-key is not the key of tls-cert"],
    ["junk as a certificate", () => ({ "tls-cert": junk, "tls-key": one!.key }), "tls-cert is no certificate as PEM"],
    ["junk as a key", () => ({ "tls-cert": one!.cert, "tls-key": junk }), "tls-key is no private key as PEM"],
    ["a locked key", () => ({ "tls-cert": one!.cert, "tls-key": locked.key }), "tls-key is encrypted: it needs tls-passphrase"],
    [
      "another passphrase",
      () => ({ "tls-cert": one!.cert, "tls-key": locked.key, "tls-passphrase": "is another one" }),
      "tls-passphrase does not open tls-key",
    ],
    ["a locked PKCS #12", () => ({ "tls-pfx": locked.pfx }), "or it needs tls-passphrase"],
    ["junk as PKCS #12", () => ({ "tls-pfx": junk, "tls-passphrase": passphrase }), "tls-pfx cannot be read"],
    ["both", () => ({ "tls-pfx": locked.pfx, "tls-cert": one!.cert, "tls-key": one!.key }), "give either tls-pfx, or tls-cert and tls-key"],
    ["junk as an authority", () => ({ "tls-cert": one!.cert, "tls-key": one!.key, "tls-ca": junk }), "tls-ca is no certificate"],
    ["junk as a list", () => ({ "tls-cert": one!.cert, "tls-key": one!.key, "tls-crl": junk }), "tls-crl is no list"],
    ["unknown ciphers", () => ({ "tls-cert": one!.cert, "tls-key": one!.key, "tls-ciphers": "NONE" }), "tls-ciphers names no cipher"],
    ["an old version", () => ({ "tls-min-version": "1.1" }), "tls-min-version must be one of 1.2, 1.3"],
    [
      "clients of nobody",
      () => ({ "tls-cert": one!.cert, "tls-key": one!.key, "tls-client-cert": "require" }),
      "tls-client-cert needs tls-ca",
    ],
    [
      "a port given twice",
      () => ({ "tls-cert": one!.cert, "tls-key": one!.key, "tls-port": "8443", port: "8443", "tls-host": "0.0.0.0" }),
      "tls-port and port are both 8443",
    ],
    ["a port without a certificate", () => ({ "tls-port": "8443" }), "tls-port needs tls-cert and tls-key, or tls-pfx"],
    ["clients without a certificate", () => ({ "tls-client-cert": "request" }), "tls-client-cert needs tls-cert"],
    ["a redirect to nowhere", () => ({ "tls-redirect": "true" }), "tls-redirect needs tls-cert, or trusted-proxies"],
    ["one that has ended", () => ended(authority), "the certificate for TLS has expired"],
  ])("%s", async (_name, given, message) => {
    const { code, stderr } = await check(given());
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
    for (const secret of ["junk that", passphrase, "is another one", "PRIVATE"]) expect(stderr).not.toContain(secret);
  });

  it("what is right is fine, and the passphrase is not shown", async () => {
    for (const given of [
      { "tls-cert": one!.cert, "tls-key": one!.key },
      { "tls-cert": one!.cert, "tls-key": locked.key, "tls-passphrase": passphrase },
      { "tls-pfx": locked.pfx, "tls-passphrase": passphrase },
    ])
      expect(await check(given)).toMatchObject({ code: 0, stdout: "the settings are fine\n" });
    writeFileSync(folder.file("passphrase"), `${passphrase}\n`);
    const env = { BK_TLS_PASSPHRASE_FILE: folder.file("passphrase") };
    const { stdout } = await runHere(["config", "explain", "tls-passphrase", "--home", folder.path, "--tls-pfx", locked.pfx], { env });
    expect(stdout).toContain("tls-passphrase = ***");
    expect(stdout).not.toContain(passphrase);
  });

  it("nothing is served by whoever has them wrong, in one process or several", async () => {
    for (const more of [[], ["--workers", "1"]])
      expect(
        await runCli([...more, "--home", folder.path, "--tls-port", "0", "--tls-cert", one!.cert, "--tls-key", other!.key]),
      ).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("tls-key is not the key of tls-cert") });
  }, 30_000);

  it("names of older programs are taken, and what backendjs says of certificates of clients", async () => {
    const given = { "ssl-cert": one!.cert, "ssl-key": one!.key, "ssl-port": "8443", "ssl-ca": authority.ca };
    const explained = async (more: Readonly<Record<string, string>>): Promise<string> => {
      const options = Object.entries({ ...given, ...more }).flatMap(([name, value]) => [`--${name}`, value]);
      return (await runHere(["config", "explain", "tls-client-cert", "--home", folder.path, ...options])).stdout.split("\n")[0]!;
    };
    expect(await explained({ "ssl-request-cert": "1" })).toBe("tls-client-cert = require");
    expect(await explained({ "ssl-request-cert": "1", "ssl-reject-unauthorized": "0" })).toBe("tls-client-cert = request");
    expect(await explained({ "ssl-request-cert": "0" })).toBe("tls-client-cert = none");
    expect(await explained({})).toBe("tls-client-cert = none");
    expect((await check({ ...given, "ssl-request-cert": "some" })).stderr).toContain("it is tls-client-cert now");
    expect((await check({ ...given, "ssl-reject-unauthorized": "0" })).stderr).toContain("no effect without ssl-request-cert");
  });

  it("files for those who run it have the ports and files", async () => {
    const gen = async (kind: string, ...more: readonly string[]): Promise<string> =>
      (await runHere(["gen", kind, "--tls-cert", one!.cert, "--tls-key", one!.key, "--tls-port", "8443", ...more])).stdout;
    expect(await gen("systemd")).toMatch(
      /--tls-port 8443 --workers[^]*LoadCredential=tls-key:.*one\.key\nEnvironment=BK_TLS_KEY=%d\/tls-key/,
    );
    expect(await gen("k8s")).toMatch(
      /"\/etc\/tls\/tls\.key"[^]*port: 8443, scheme: HTTPS[^]*secretName: bk-tls[^]*port: 443, targetPort: 8443/,
    );
    const docker = await gen("docker");
    const [, script] = /HEALTHCHECK .*CMD \["node", "-e", "(.*)"\]/.exec(docker)!;
    // Nobody listens there.
    expect(() => execFileSync("node", ["-e", script!], { stdio: "pipe" })).toThrow(expect.objectContaining({ status: 1 }));
    expect(await gen("docker", "--port", "8080")).toContain("EXPOSE 8443 8080");
  });
});

function ended(authority: Authority): Record<string, string> {
  const { cert, key } = authority.sign("ended", -1);
  return { "tls-cert": cert, "tls-key": key };
}
