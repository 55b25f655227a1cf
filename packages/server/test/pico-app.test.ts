// The hello world of the original description, file by file as it is written there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

import { createApp } from "../src/pico.js";
import { temporaryFolder } from "./run-cli.js";

const files: Readonly<Record<string, string>> = {
  "app/config/master.json": `{
    "app":{
        "name": "YOUR_PROJECT_NAME",
        "env": "dev",
        "elements": []
    },
    "worker":{
        "config": "config/worker",
        "count":1
    },
    "lib":{
    }
}`,
  "app/config/worker.json": `{
    "app":{
        "name": "YOUR_PROJECT_NAME",
        "env": "dev",
        "elements": ["actions"]
    },
    "lib":{
        "webServer":{
            "mod":"web",
            "port":PORT,
            "updateRate":60000
        }
    }
}`,
  "app/index.js": `var pico = require('pico-server');
pico.createApp(__dirname, 'config/master');
`,
  "app/actions/index.js": `module.exports = [
    require('./foobar'),
];
`,
  "app/actions/foobar.js": `function hello(session, order, cb){
	var model = session.getModel('foobar');
	model['me'] = 'world';
	session.addJob(
		G_PICO_WEB.RENDER_FULL,
		[[session.createModelInfo('foobar', 'me')]]
	);
	cb();
}
exports.setup = function(context, next){
	var web = context.webServer;
	web.route('Hello', [hello]);
    next();
};
`,
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

function write(home: string, port: number): void {
  for (const folder of ["app/config", "app/actions", "node_modules/pico-server"]) mkdirSync(join(home, folder), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text.replace("PORT", String(port)));
  const entry = fileURLToPath(new URL("../dist/pico.js", import.meta.url));
  writeFileSync(join(home, "node_modules/pico-server/index.js"), `module.exports = require(${JSON.stringify(entry)});\n`);
}

it("runs the original's hello world as it is written, and answers its curl command", async () => {
  using folder = temporaryFolder();
  const port = await freePort();
  write(folder.path, port);
  const app = spawn(process.execPath, ["app"], { cwd: folder.path });
  let said = "";
  app.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  try {
    const ask = async (): Promise<unknown> => {
      const reply = await fetch(`http://127.0.0.1:${port}/pull`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '[{"api":"Hello","reqId":1,"data":""}]',
      });
      return reply.json();
    };
    await expect
      .poll(() => ask().catch(() => said), { timeout: 30_000 })
      .toEqual([{ api: "Hello", reqId: 1, resId: 0, status: 200, data: "world" }]);
  } finally {
    app.kill("SIGTERM");
    await once(app, "exit");
  }
}, 60_000);

it("takes framed requests and uploads where its configuration says so", async () => {
  using folder = temporaryFolder();
  write(folder.path, 0);
  const app = join(folder.path, "app");
  const web = { mod: "web", delimiter: ["crlf"], uploadWL: ["upload"] };
  writeFileSync(join(app, "config/worker.json"), JSON.stringify({ app: { elements: ["actions"] }, lib: { webServer: web } }));
  const upload = `const { readFileSync } = require("node:fs");
exports.setup = (context, next) => {
  context.webServer.route("upload", [(session, data, done) => {
    session.getModel("files").blob = readFileSync(data.photo.filename, "utf8") + data.count;
    session.addJob(G_PICO_WEB.RENDER_FULL, [[session.createModelInfo("files", "blob")], [session.createModelInfo("files", "none")]]);
    done();
  }]);
  next();
};
`;
  writeFileSync(join(app, "actions/foobar.js"), upload);
  const { url, close } = await createApp(app, "config/master", { port: 0 });
  try {
    const post = async (body: FormData | string, headers: Record<string, string>): Promise<string> => {
      const reply = await fetch(`${url}/pull`, { method: "POST", body, headers });
      expect(reply.status).toBe(200);
      return reply.text();
    };
    const form = new FormData();
    for (const [name, value] of Object.entries({ api: "upload", reqId: "1", "data/count": "2" })) form.append(name, value);
    form.append("data/photo", new Blob(["a photo "]), "photo.png");
    expect(JSON.parse(await post(form, { accept: "application/json" }))).toMatchObject([
      { reqId: 1, status: 200, data: { blob: "a photo 2" } },
    ]);
    const framed = await post('["crlf"]{"api":"none","reqId":1}["crlf"]', { "content-type": "application/x-pico" });
    expect(framed).toMatch(/^\["crlf"\]\{"api":"none","reqId":1,.*"status":404.*"len":0\}\["crlf"\]$/);
  } finally {
    await close();
  }
}, 30_000);

it("says what is wrong with an app's files", async () => {
  using folder = temporaryFolder();
  write(folder.path, 0);
  const app = join(folder.path, "app");
  await expect(createApp(app, "config/none")).rejects.toMatchObject({
    code: "invalid",
    message: expect.stringContaining("none.json cannot be read (ENOENT)"),
  });
  writeFileSync(join(app, "config/worker.json"), "{");
  await expect(createApp(app, "config/master")).rejects.toMatchObject({
    code: "invalid",
    message: expect.stringContaining("is not valid JSON"),
  });
  writeFileSync(join(app, "config/worker.json"), '{"lib":{"redis":{"mod":"redis"}}}');
  await expect(createApp(app, "config/master")).rejects.toMatchObject({ code: "invalid", message: expect.stringContaining("web server") });
});
