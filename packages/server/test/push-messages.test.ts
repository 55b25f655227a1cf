// bk-server sends messages to devices, set up by settings, through a queue.

import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it, vi } from "vitest";

import { type FcmMessage, type FcmVerdict, startFcm, type TestFcm } from "../../modules/test/push/start-fcm.js";
import { childrenNamed } from "./processes-of.js";
import { type RunningServer, runHere, signedFetch, startServerProcess, temporaryFolder } from "./run-cli.js";

const soon = { timeout: 60_000, interval: 100 };

async function serving(
  folder: { readonly path: string },
  fcm: TestFcm,
  ...more: readonly string[]
): Promise<RunningServer & { ask(login: string, path: string, json?: object): Promise<Record<string, unknown>> }> {
  const home = ["--home", folder.path];
  for (const [login, ...words] of [["root", "--type", "admin"], ["bob"]])
    await runHere(["account", "add", ...home, "--login", login!, "--secret", "s", ...words]);
  writeFileSync(join(folder.path, "account.json"), JSON.stringify(fcm.options.account));
  const settings = ["--push-fcm-account@file", join(folder.path, "account.json"), "--push-fcm-url", fcm.options.url!];
  const server = await startServerProcess([...home, "--port", "0", "--modules", "system", ...settings, ...more]);
  return {
    ...server,
    async ask(login, path, json) {
      const body = json === undefined ? undefined : JSON.stringify(json);
      const sign = { url: `${server.url}${path}`, login, secret: "s", ...(body === undefined ? {} : { method: "POST", body }) };
      const reply = await signedFetch({ ...sign, contentType: "application/json" });
      const answer = (await reply.json()) as Record<string, unknown>;
      expect([path, reply.status, answer]).toEqual([path, 200, answer]);
      return answer;
    },
  };
}

const tokensOf = ({ taken }: TestFcm): string[] => taken.map(({ token }) => token).sort();
const goneIsGone = ({ token }: FcmMessage): FcmVerdict => (token === "gone" ? { status: 404, errorCode: "UNREGISTERED" } : undefined);

describe("messages to devices by settings", () => {
  it("wait in the process where there is no queue, once by their key", async () => {
    using folder = temporaryFolder();
    await using fcm = await startFcm({ verdict: goneIsGone });
    await using server = await serving(folder, fcm);
    const bob = await server.ask("bob", "/account/get");
    await server.ask("bob", "/account/update", { device_id: "fcm://gone,fcm://phone" });
    const message = { account_id: [bob["id"]], msg: "Hello", delay: 500, _async: true, _key: "news" };
    expect(await server.ask("root", "/system/msg/send", message)).toMatchObject({ duplicates: 0 });
    expect(await server.ask("root", "/system/msg/send", message)).toMatchObject({ duplicates: 1 });
    await vi.waitFor(async () => {
      expect(tokensOf(fcm)).toEqual(["phone"]);
      expect(await server.ask("bob", "/account/get")).toMatchObject({ device_id: "fcm://phone" });
    }, soon);
    const { code, stderr } = await server.stop();
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/PRIVATE KEY|phone/)]);
  }, 90_000);

  it.each([
    ["job processes", ["--workers", "2", "--job-workers", "2"]],
    ["those that serve, where there are no others", ["--workers", "2"]],
  ])(
    "are sent from the queue by %s, which also take away what is registered no more",
    async (_who, processes) => {
      using folder = temporaryFolder();
      await using fcm = await startFcm({ verdict: goneIsGone });
      const queue = `db:sqlite:${folder.file("queue.db")}`;
      await using server = await serving(folder, fcm, ...processes, "--queue", queue);
      const bob = await server.ask("bob", "/account/get");
      await server.ask("bob", "/account/update", { device_id: "fcm://gone,fcm://phone" });
      await server.ask("root", "/system/msg/send", { account_id: [bob["id"]], device_id: ["fcm://other"], msg: "Hello", _async: true });
      await vi.waitFor(async () => {
        expect(tokensOf(fcm)).toEqual(["other", "phone"]);
        expect(await server.ask("bob", "/account/get")).toMatchObject({ device_id: "fcm://phone" });
      }, soon);
      await vi.waitFor(
        async () => expect(await server.ask("root", "/system/queue/stats")).toMatchObject({ push: { waiting: 0, running: 0, dead: 0 } }),
        soon,
      );
      const account = ["--push-fcm-account@file", folder.file("account.json")];
      const { stdout } = await runHere(["job", "list", "--home", folder.path, "--queue", queue, ...account, "--json"]);
      expect(JSON.parse(stdout)).toMatchObject({ queue: "push", jobs: ["push.send"], waiting: 0, dead: 0 });
      expect((await server.stop()).code).toBe(0);
    },
    90_000,
  );

  // A message of a process that was killed comes back after 30 s.
  it.runIf(process.env["BK_FULL_E2E"] === "1")(
    "are all sent where the processes that send are killed, and none that is known to be sent again",
    async () => {
      using folder = temporaryFolder();
      let hangs = true;
      await using fcm = await startFcm({
        verdict: ({ token }) =>
          hangs && token.startsWith("slow") ? { status: 503, errorCode: "UNAVAILABLE", retryAfter: "2" } : undefined,
      });
      const queue = ["--queue", `db:sqlite:${folder.file("queue.db")}`, "--restart-delay", "100ms"];
      await using server = await serving(folder, fcm, "--workers", "1", "--job-workers", "2", ...queue);
      const devices = [1, 2, 3, 4, 5].flatMap((n) => [`fcm://quick-${n}`, `fcm://slow-${n}`]);
      await server.ask("root", "/system/msg/send", { device_id: devices, msg: "Hello", _async: true });
      await vi.waitFor(() => expect(fcm.asked()).toBeGreaterThanOrEqual(10), soon);
      for (const pid of childrenNamed(server, "bk: worker")) process.kill(pid, "SIGKILL");
      hangs = false;
      await vi.waitFor(() => expect(tokensOf(fcm)).toEqual(devices.map((device) => device.slice("fcm://".length)).sort()), soon);
      expect((await server.stop()).code).toBe(0);
    },
    90_000,
  );

  it("have a queue of the server's own", async () => {
    using folder = temporaryFolder();
    const args = ["--port", "0", "--queue", `db:sqlite:${folder.file("queue.db")}`, "--queue-name", "push"];
    const { code, stderr } = await runHere(args, { cwd: folder.path });
    expect([code, stderr]).toEqual([2, expect.stringContaining("push is a queue of the server's own")]);
  });
});
