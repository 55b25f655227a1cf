// Working on an app: what is saved is there, what is wrong keeps nothing from being served, and what is not installed is not missed.
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, it, vi } from "vitest";

import { createServer } from "../src/index.js";
import { runCli, startServerProcess, temporaryFolder } from "./run-cli.js";

const soon = { timeout: 30_000, interval: 100 };
const moduleSaying = (text: string): string =>
  `export default { name: "hi", tables: {}, start: () => ({ name: "hi", endpoints: [{ path: "/hi", summary: "Says", who: "anybody", reply: {}, answer: async () => ({ hi: "${text}" }) }] }) };`;
const textOf = async (url: string): Promise<string> => (await fetch(url)).text();
const stateOf = (page: string): string => /<script src="\/_bk\/reload\.js\?state=([^"]+)"><\/script>/.exec(page)![1]!;

/** What a browser is told on the way of the script, event by event. */
async function* statesFrom(url: string): AsyncGenerator<string> {
  const reply = await fetch(`${url}/_bk/reload`);
  for await (const bytes of reply.body!) yield /^data: (.+)$/m.exec(Buffer.from(bytes).toString())![1]!;
}

describe("bk-server dev", () => {
  it("serves a page in an empty folder, and what is saved; what cannot start leaves the old one", async () => {
    using folder = temporaryFolder();
    await using server = await startServerProcess(["dev", "--port", "0", "--log-file", folder.file("log")], { cwd: folder.path });
    const logged = (): string => readFileSync(folder.file("log"), "utf8");
    const page = await textOf(`${server.url}/`);
    expect(page).toContain("It runs.");
    expect(await textOf(`${server.url}/_bk/reload.js`)).toContain("location.reload()");
    const states = statesFrom(server.url);
    expect((await states.next()).value).toBe(stateOf(page));
    mkdirSync(folder.file("modules"));
    writeFileSync(folder.file("modules/hi.js"), moduleSaying("one"));
    await vi.waitFor(async () => expect(await textOf(`${server.url}/hi`)).toBe('{"hi":"one"}'), soon);
    // Browsers of the old process look for the next one, which is of another state.
    expect(await states.next()).toEqual({ done: true, value: undefined });
    await vi.waitFor(async () => expect((await statesFrom(server.url).next()).value).not.toBe(stateOf(page)), soon);
    writeFileSync(folder.file("modules/hi.js"), "export default {");
    await vi.waitFor(() => expect(logged()).toContain("the old one stays"), soon);
    expect(await textOf(`${server.url}/hi`)).toBe('{"hi":"one"}');
    mkdirSync(folder.file("web"));
    writeFileSync(folder.file("web/index.html"), "<p>mine</p>");
    writeFileSync(folder.file("modules/hi.js"), moduleSaying("two"));
    await vi.waitFor(async () => expect(await textOf(`${server.url}/`)).toContain("<p>mine</p>"), soon);
    await vi.waitFor(async () => expect(await textOf(`${server.url}/hi`)).toBe('{"hi":"two"}'), soon);
    // For people: the time of day, no colors in a file.
    expect(logged()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}GET \/hi 200 id=\S+ ms=\d+/m);
    expect((await server.stop()).code).toBe(0);
  }, 120_000);

  it("waits for what is saved next where the first start fails", async () => {
    using folder = temporaryFolder();
    mkdirSync(folder.file("modules"));
    writeFileSync(folder.file("modules/hi.js"), "export default {");
    const starting = startServerProcess(["dev", "--port", "0", "--log-file", folder.file("log")], { cwd: folder.path });
    await vi.waitFor(() => expect(readFileSync(folder.file("log"), "utf8")).toContain("tried again when a file changes"), soon);
    writeFileSync(folder.file("modules/hi.js"), moduleSaying("one"));
    await using server = await starting;
    expect(await textOf(`${server.url}/hi`)).toBe('{"hi":"one"}');
    expect((await server.stop()).code).toBe(0);
  }, 120_000);
});

describe("createServer({ liveReload })", () => {
  it("has pages of static files loaded anew when one of them changes, and leaves all else as it is", async () => {
    using folder = temporaryFolder();
    writeFileSync(folder.file("index.html"), "<body><p>old</p></body>");
    writeFileSync(folder.file("a.css"), "p { color: red }");
    const server = await createServer({
      db: "memory:",
      masterKey: "32 characters or more, kept secret",
      static: { roots: [folder.path] },
      liveReload: true,
    });
    const { url } = await server.listen({ port: 0 });
    try {
      const reply = await fetch(`${url}/`);
      const page = await reply.text();
      expect(page).toMatch(/^<body><p>old<\/p><script src="\/_bk\/reload\.js\?state=[\w.-]+"><\/script><\/body>$/);
      expect([reply.headers.get("etag"), reply.headers.get("cache-control")]).toEqual([null, "no-store"]);
      expect(await textOf(`${url}/a.css`)).toBe("p { color: red }");
      const states = statesFrom(url);
      expect((await states.next()).value).toBe(stateOf(page));
      writeFileSync(folder.file("a.css"), "p { color: blue }");
      const { value } = await states.next();
      expect(value).not.toBe(stateOf(page));
      expect(stateOf(await textOf(`${url}/`))).toBe(value);
    } finally {
      await server.close();
    }
  }, 60_000);

  it("is not there otherwise", async () => {
    const server = await createServer({ db: "memory:", masterKey: "32 characters or more, kept secret" });
    const page = await (await server.app.fetch(new Request("http://localhost/"))).text();
    expect(page).not.toContain("_bk");
    expect((await server.app.fetch(new Request("http://localhost/_bk/reload.js"))).status).not.toBe(200);
    await server.close();
  });
});

describe("packages that are optional", () => {
  const packages = fileURLToPath(new URL("../../", import.meta.url));
  const manifests = ["core", "db", "cache", "queue", "auth", "modules", "server"].map(
    (name) =>
      JSON.parse(readFileSync(`${packages}${name}/package.json`, "utf8")) as {
        readonly dependencies?: object;
        readonly peerDependenciesMeta?: object;
      },
  );
  const always = new Set(manifests.flatMap(({ dependencies = {} }) => Object.keys(dependencies)));
  const optional = manifests
    .flatMap(({ peerDependenciesMeta = {} }) => Object.keys(peerDependenciesMeta))
    .filter((name) => !always.has(name));
  /** Node finds none of them, as where nobody has installed them. */
  const withoutThem = (folder: ReturnType<typeof temporaryFolder>): Record<string, string> => {
    const hooks = `const missing = new Set(${JSON.stringify(optional)});
export async function resolve(name, context, next) {
  const [first, second] = name.split("/");
  // What runs sources in TypeScript has its own esbuild.
  if (context.parentURL?.includes("/node_modules/tsx/")) return next(name, context);
  if (!missing.has(first[0] === "@" ? \`\${first}/\${second}\` : first)) return next(name, context);
  throw Object.assign(new Error(\`Cannot find package '\${name}'\`), { code: "ERR_MODULE_NOT_FOUND" });
}`;
    writeFileSync(folder.file("hooks.mjs"), hooks);
    writeFileSync(folder.file("without.mjs"), `import { register } from "node:module"; register("./hooks.mjs", import.meta.url);`);
    return { NODE_OPTIONS: `--import=${folder.file("without.mjs")}` };
  };

  it("are not missed until they are needed; then the message names the one to install", async () => {
    using folder = temporaryFolder();
    symlinkSync(fileURLToPath(new URL("../../../node_modules", import.meta.url)), folder.file("node_modules"));
    const env = withoutThem(folder);
    const args = ["--port", "0", "--home", folder.path, "--db", "memory:", "--modules", "all"];
    await using server = await startServerProcess(args, { env });
    expect(await textOf(`${server.url}/ping`)).toBe("{}");
    await server.stop();
    const uses: readonly (readonly [args: readonly string[], name: string])[] = [
      [["--cache", "redis://127.0.0.1:1"], "ioredis"],
      [["--bus", "nats://127.0.0.1:1"], "@nats-io/transport-node"],
      [["--mail-transport", "smtp://127.0.0.1:1", "--mail-from", "a@example.com"], "nodemailer"],
      [["--db", "mysql://127.0.0.1:1/a"], "mysql2"],
    ];
    for (const [more, name] of uses) {
      const { code, stderr } = await runCli([...args, ...more], { env });
      expect([code, stderr]).toEqual([1, expect.stringContaining(name)]);
      expect(stderr).toContain("install");
    }
  }, 120_000);
});
