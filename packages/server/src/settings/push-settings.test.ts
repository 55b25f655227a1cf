import { generateKeyPairSync } from "node:crypto";

import { describe, expect, it } from "vitest";

import { withNeeded } from "../commands/all-modules.js";
import { pushAppOf } from "./push-settings.js";
import { readSettings } from "./read-settings.js";

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const apns = { "push-apns-key": key, "push-apns-key-id": "ABC123DEFG", "push-apns-team": "TEAM123456" };

describe("settings of push", () => {
  it("say how devices are reached, and have the module served with what it needs", async () => {
    const configuration = await readSettings({ ...apns, "push-fcm-account": "{}", modules: "none" }, {});
    expect(pushAppOf(configuration.config)).toEqual({
      apns: { key, keyId: "ABC123DEFG", teamId: "TEAM123456", topic: undefined, sandbox: false },
      fcm: { account: "{}" },
    });
    expect(withNeeded([], configuration).map(({ name }) => name)).toEqual(["accounts", "push"]);
    expect(configuration.config.explain("push-apns-key")?.text).toBe("***");
    await configuration.config.close();
  });

  it("are needed together, and by nobody where there are none", async () => {
    await expect(readSettings({ "push-apns-key": key }, {})).rejects.toThrow("push-apns-key needs push-apns-key-id");
    await expect(readSettings({ "push-web-subject": "mailto:a@example.com" }, {})).rejects.toThrow("needs push-web-public-key");
    const configuration = await readSettings({ modules: "none" }, {});
    expect(withNeeded([], configuration)).toEqual([]);
    await configuration.config.close();
  });

  it("of backendjs are taken", async () => {
    const given = { "push-apns-key": key, "push-apns-key-id": "ABC123DEFG", "msg-app-team": "T1", "msg-app-default": "com.example" };
    const { config } = await readSettings(given, {});
    expect([config.get("push-apns-team"), config.get("push-app")]).toEqual(["T1", "com.example"]);
    await config.close();
  });
});
