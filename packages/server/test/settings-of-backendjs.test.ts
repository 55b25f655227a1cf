// docs/guides/settings-of-backendjs.md says what the command line and the configuration do.
import { readFileSync, writeFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { allCommands, buildProgram } from "../src/command-line/program.js";
import { readSettings } from "../src/settings/read-settings.js";
import { isOldSetting, oldSettings } from "../src/settings/old-settings.js";
import { settingNames } from "../src/settings/settings.js";
import { runHere, temporaryFolder } from "./run-cli.js";

const page = readFileSync(new URL("../../../docs/guides/settings-of-backendjs.md", import.meta.url), "utf8");
const rows = page
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => line.split(" | ").map((cell) => cell.replace(/^\| |\|$/g, "").trim()) as [string, string, string]);
const codesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
/** A name with a word in the place of NAME and the like. */
const spelled = (name: string): string => name.replace(/\b(NAME|REGEXP|X|N)\b/g, "pg");

const commands = rows.filter(([old]) => /^`(bkjs |bksh|-)/.test(old));
const settings = rows.filter((row) => !commands.includes(row));

describe("settings of backendjs", () => {
  it.each(settings)("%s → %s", (old, here, why) => {
    const names = codesIn(old).map(spelled);
    const ours = codesIn(here).map(spelled);
    for (const name of ours) expect(settingNames.find(name), `${name} is a setting`).toMatchObject({ isAlias: false });
    const kind = here.split(" `")[0]!;
    if (kind === "the same") for (const name of names) expect(settingNames.find(name), name).toMatchObject({ isAlias: false });
    else if (kind === "for")
      names.forEach((name, i) => expect(settingNames.find(name), name).toMatchObject({ isAlias: true, name: ours[i] ?? ours[0] }));
    else if (kind === "becomes" || kind === "left out") for (const name of names) expect(isOldSetting(name), name).toBe(true);
    else {
      // What is refused has a reason, or a name to write.
      expect(kind === "none" || ours.length > 0).toBe(true);
      for (const name of names) expect([name, settingNames.find(name), isOldSetting(name)]).toEqual([name, undefined, false]);
    }
    if (here === "none" && why === "") expect(old).toBe("`api-errlog-limiter-ignore`");
  });

  it("all that are translated are there", () => {
    const there = new Set(settings.flatMap(([old]) => codesIn(old)).map((name) => name.replace("NAME", "<name>")));
    expect(oldSettings.filter((name) => !there.has(name))).toEqual([]);
  });

  it.each(commands)("%s → %s", (_old, here) => {
    const known = new Set(allCommands(buildProgram()).map(({ name }) => name));
    const ours = codesIn(here).filter((command) => command.startsWith("bk-server "));
    expect(here === "none" || ours.length > 0).toBe(true);
    for (const command of ours) expect([command, known.has(command.replace("bk-server ", ""))]).toEqual([command, true]);
  });

  it.each([
    [{ "cache-type": "redis", "redis-host": "h" }, "cache", "redis://h", "write cache=redis://h"],
    [{ "cache-type": "memcache", "cache-host": "h", "cache-port": "11" }, "cache", "memcache://h:11", "write cache="],
    [{ "cache-type": "lru" }, "cache", undefined, "leave it out"],
    [{ "queue-type": "amqp", "amqp-host": "amqp://me:pw@h/v" }, "queue", "amqp://me:pw@h/v", "write queue=amqp://"],
    [{ "db-config-interval": "3" }, "config-db-interval", 180_000, "write config-db-interval=3m"],
    [{ "tmp-watcher-tmp": "3600" }, "tmp-age", 3_600_000, "write tmp-age=3600s"],
    [{ "jobs-workers": "-1" }, "job-workers", 0, "write job-workers=0"],
    [{ "server-max-processes": "0" }, "workers", expect.any(Number), "write workers=auto"],
    [{ "db-pg-pool": "postgres://h", "db-pg-pool-tables": "a,b" }, "db-pg-tables", ["a", "b"], "write db-pg-tables=a,b"],
    [
      { "smtp-host": "h", "smtp-user": "me", "smtp-password": "p w", "mail-from": "a@b.c" },
      "mail-transport",
      "smtp://me:p%20w@h",
      "mail-transport",
    ],
  ] as [Record<string, string>, string, unknown, string][])("%j", async (given, name, value, told) => {
    const { config } = await readSettings(given, {});
    const found = name === "db-pg-tables" ? config.matching("db-*-tables").get("pg") : config.get(name as "cache");
    expect(found).toEqual(value);
    expect(config.warnings.join("\n")).toContain(told);
    expect(config.warnings.join("\n")).not.toMatch(/pw@|p%20w/);
    await config.close();
  });

  it("takes the key of Apple's push service with its id and its team, in base64 or from a file", async () => {
    const pem = "-----BEGIN PRIVATE KEY-----\nMIGT\n-----END PRIVATE KEY-----\n";
    using folder = temporaryFolder();
    writeFileSync(folder.file("AuthKey.p8"), pem);
    for (const key of [Buffer.from(pem).toString("base64"), folder.file("AuthKey.p8"), pem]) {
      const given = { "msg-apn-authkey-team123456-ABC123DEFG": key, "msg-app-team-TEAM123456": "^com.example" };
      const { config, push } = await readSettings(given, {});
      expect(push).toEqual({ apns: expect.objectContaining({ key: pem, keyId: "ABC123DEFG", teamId: "TEAM123456" }) });
      expect(config.warnings).toEqual([
        expect.stringMatching(/is an old name; write push-apns-team, push-apns-key-id and push-apns-key@file$/),
        expect.stringMatching(/msg-app-team-TEAM123456 has no effect: devices of one app get messages/),
      ]);
      await config.close();
    }
    for (const [key, message] of [
      ["c2VjcmV0", "must be a .p8 file, or its content in base64"],
      ["none.p8", "cannot read none.p8"],
    ]) {
      const refused = await readSettings({ "msg-apn-authkey-T-K": key! }, {}).catch((error: Error) => error.message);
      expect(refused).toContain(message);
      expect(refused).not.toContain("c2VjcmV0");
    }
    const variables = { BKJS_MSG_APN_AUTHKEY_T1_K1: pem, BK_SMTP_HOST: "h", BKJS_MAIL_FROM: "a@b.c" };
    const { config } = await readSettings({}, variables);
    expect(["push-apns-team", "push-apns-key-id", "mail-transport"].map((name) => config.get(name as "mail-page"))).toEqual([
      "T1",
      "K1",
      "smtp://h",
    ]);
    await config.close();
    const line = ["config", "explain", "push-apns-team", "--msg-apn-authkey-T1-K1", folder.file("AuthKey.p8")];
    expect((await runHere(line, { cwd: folder.path })).stdout).toMatch(/^push-apns-team = T1$/m);
    await expect(readSettings({ "msg-apn-authkey-T-K": pem, "msg-apn-authkey-T-L": pem }, {})).rejects.toThrow("there is another key");
  });

  it("refuses what it cannot understand, and tells of what has no effect", async () => {
    await expect(readSettings({ "cache-type": "couch" }, {})).rejects.toThrow("cache-type must be one of redis");
    await expect(readSettings({ "jobs-workers": "some" }, {})).rejects.toThrow("jobs-workers must be an integer; it is job-workers now");
    const { config } = await readSettings({ "redis-host": "h" }, {});
    expect(config.warnings.join("\n")).toContain("redis-host has no effect without cache-type or queue-type beside it");
    await config.close();
  });
});
