// The commands of the original description, as somebody types them.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { temporaryFolder } from "./run-cli.js";

const cli = fileURLToPath(new URL("../dist/pushcart-cli.js", import.meta.url));
const AUTH_TOKEN = "secret that registers";

function run(
  cwd: string,
  args: readonly string[],
  input = "",
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [cli, ...args], { cwd, env: { ...process.env, AUTH_TOKEN } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr }),
    );
    child.stdin!.end(input);
  });
}

const printed = /OK\nid: ([0-9a-f]{24})\ntoken: ([0-9a-f]{32})\n$/;

describe("bk-pushcart", () => {
  it("registers applications and clients, and serves their messages", async () => {
    using folder = temporaryFolder();
    const home = folder.path;
    const app = await run(home, ["addapp"], "My App\n");
    expect(app).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Name: /) });
    const [, appId, appToken] = printed.exec(app.stdout)!;
    const client = await run(home, ["addclient"], 'test\n{"extra":"info"}\n');
    expect(client.stdout).toMatch(/^Type: Info: /);
    const [, , clientToken] = printed.exec(client.stdout)!;
    const server = spawn(process.execPath, [cli, "server"], { cwd: home, env: { ...process.env, AUTH_TOKEN, PORT: "0" } });
    try {
      let text = "";
      server.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await expect.poll(() => text, { timeout: 30_000 }).toMatch(/listening on/);
      const url = /http:\S+/.exec(text)![0];
      const headers = { "content-type": "application/json" };
      const post = (path: string, more: Record<string, string>, body: object): Promise<Response> =>
        fetch(url + path, { method: "POST", headers: { ...headers, ...more }, body: JSON.stringify(body) });
      expect((await post("/messages", { "X-App-Token": appToken! }, { hello: "world" })).status).toBe(201);
      const messages = await (await fetch(`${url}/messages`, { headers: { "X-Client-Token": clientToken! } })).json();
      expect(messages).toEqual([{ _id: expect.any(String), hello: "world", app: { _id: appId, name: "My App" } }]);
      expect((await post("/clients", { "X-Auth-Token": AUTH_TOKEN }, { type: "test" })).status).toBe(201);
    } finally {
      server.kill("SIGTERM");
      const [code] = (await once(server, "exit")) as [number];
      expect(code).toBe(0);
    }
  }, 90_000);

  it("says what is wrong with what is given", async () => {
    using folder = temporaryFolder();
    const home = folder.path;
    expect(await run(home, ["addclient", "--type", "t", "--info", "[1]"])).toMatchObject({
      code: 1,
      stderr: "Info must be a JSON object\n",
    });
    expect(await run(home, ["addapp", "--name", ""])).toMatchObject({ code: 1, stderr: expect.stringContaining("name") });
  }, 60_000);
});
