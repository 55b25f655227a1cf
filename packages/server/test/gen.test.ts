// The files that bk-server gen prints are what their programs take.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";

import { runHere, temporaryFolder } from "./run-cli.js";

const gen = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await runHere(["gen", ...args]);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
};
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

describe("bk-server gen", () => {
  it.runIf(hasSystemd)("systemd is a unit without faults", async () => {
    using folder = temporaryFolder();
    const program = folder.file("node_modules/.bin/bk-server");
    mkdirSync(folder.file("node_modules/.bin"), { recursive: true });
    writeFileSync(program, "#!/bin/sh\n");
    chmodSync(program, 0o755);
    writeFileSync(folder.file("shop.service"), await gen("systemd", "--home", folder.path, "--port", "80", "--app-name", "shop"));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", folder.file("shop.service")], { encoding: "utf8" });
    expect([status, stderr.split("\n").filter((line) => line.includes("shop.service"))]).toEqual([0, []]);
  });

  it.each(["docker", "compose", "k8s", "pm2", "logrotate", "systemd"])("%s follows the configuration", async (kind) => {
    const text = await gen(kind, "--port", "8123", "--app-name", "shop", "--shutdown-ms", "50000", "--drain-delay", "5s");
    expect(text).not.toContain("undefined");
    if (kind !== "logrotate") expect(text).toMatch(/8123/);
    if (kind !== "docker") expect(text).toContain("shop");
    if (kind !== "logrotate") expect(text).toContain("65");
  });

  it("compose has the services that are asked for, and is YAML", async () => {
    const text = await gen("compose", "--with", "postgres,redis,nats");
    for (const name of ["postgres", "redis", "nats"]) expect(text).toContain(`\n  ${name}:\n`);
    const { services } = parse(text) as { readonly services: object };
    expect(Object.keys(services)).toEqual(["app", "postgres", "redis", "nats"]);
  });

  it("pm2 is a module that names the app", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("ecosystem.config.cjs"), await gen("pm2", "--app-name", "shop", "--home", folder.path));
    const { apps } = createRequire(import.meta.url)(folder.file("ecosystem.config.cjs")) as { readonly apps: readonly object[] };
    expect(apps).toEqual([expect.objectContaining({ name: "shop", cwd: folder.path, env: { NODE_ENV: "production" } })]);
  });

  it("k8s is a deployment and a service", async () => {
    const kinds = parseAllDocuments(await gen("k8s")).map((document) => (document.toJS() as { kind: string }).kind);
    expect(kinds).toEqual(["Deployment", "Service"]);
  });

  it("asks for no build of the app", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("etc"));
    writeFileSync(folder.file("etc/config"), "modules-path=dist/modules");
    expect(await gen("docker", "--home", folder.path)).toContain("npm run build");
    const { code, stderr } = await runHere(["--port", "0", "--home", folder.path]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("dist/modules (ENOENT); if it is made by a build, build first")]);
  });

  it("names what there is", async () => {
    expect(await runHere(["gen", "helm"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there are systemd, docker, compose, k8s, pm2, logrotate"),
    });
    expect(await runHere(["gen", "compose", "--with", "oracle"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no oracle"),
    });
  });
});
