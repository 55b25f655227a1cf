import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { verifyRequest } from "../src/index.js";
import { storeOf } from "./vectors.js";

const client = new URL("../src/client.ts", import.meta.url);
const core = new URL("../../core/src/index.ts", import.meta.url);

/** Every module that `entry` reaches, and every specifier that leads out of the two packages. */
function walk(entry: URL): { modules: Set<string>; outside: Set<string> } {
  const modules = new Set<string>();
  const outside = new Set<string>();
  const visit = (url: URL): void => {
    if (modules.has(url.href)) return;
    modules.add(url.href);
    // Imports of types are gone when the code runs.
    const source = readFileSync(url, "utf8").replaceAll(/^(?:import|export) type [^;]*;/gm, "");
    for (const [, specifier] of source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*"([^"]+)"/g)) {
      if (specifier!.startsWith(".")) visit(new URL(specifier!.replace(/\.js$/, ".ts"), url));
      else if (specifier === "@bk/core") visit(core);
      else outside.add(specifier!);
    }
    if (/\b(?:process|Buffer|require)\b\s*[.(]/.test(source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "")))
      outside.add(`${url.pathname} uses a Node global`);
  };
  visit(entry);
  return { modules, outside };
}

// Signs with what browsers and workers have, and nothing of Node's own.
const script = `
  const { parentPort, workerData } = require("node:worker_threads");
  const sign = async () => {
    // Compiles the sources, which are TypeScript.
    (await import("tsx/esm/api")).register();
    for (const name of ["process", "Buffer", "global", "setImmediate", "clearImmediate"]) Reflect.deleteProperty(globalThis, name);
    globalThis.location = { host: "page.example.com" };
    const { signRequest, signUrl, scrambleSecret } = await import(workerData.client);
    const secret = await scrambleSecret("bob", "s3cret");
    const headers = await signRequest({ method: "PUT", url: "/x?b=1&a=2", body: '{"a":"é"}', login: "bob", secret });
    return { headers, url: await signUrl({ url: "/y", login: "bob", secret }), process: typeof globalThis.process };
  };
  sign().then((result) => parentPort.postMessage(result), (error) => parentPort.postMessage({ error: String(error.stack) }));
`;

describe("the client", () => {
  it("reaches no module of Node or of another package", () => {
    const { modules, outside } = walk(client);
    expect([...outside]).toEqual([]);
    expect(modules.size).toBeGreaterThan(8);
  });

  it("takes less than 4 kB of a page, as browsers load it", async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(client)],
      bundle: true,
      minify: true,
      format: "esm",
      platform: "browser",
      conditions: ["bk-source"],
      write: false,
    });
    expect(gzipSync(outputFiles[0]!.contents).length).toBeLessThan(4096);
  });

  it("can be told from the server's side, which does", () => {
    expect([...walk(new URL("../src/index.ts", import.meta.url)).outside]).toContain("node:crypto");
  });

  it("verification reaches no module of Node either", () => {
    for (const file of ["worker.ts", "verify-request.ts", "auth.ts", "hono.ts", "message-signatures/index.ts"])
      expect([...walk(new URL(`../src/${file}`, import.meta.url)).outside]).toEqual([]);
  });

  it("signs in a worker without Node's globals", async () => {
    const worker = new Worker(script, { eval: true, workerData: { client: client.href }, execArgv: ["--conditions=bk-source"] });
    const message = await new Promise<{ headers: Record<string, string>; url: string; process: string; error?: string }>(
      (resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      },
    );
    await worker.terminate();
    expect(message.error).toBeUndefined();
    expect(message.process).toBe("undefined");
    const accounts = storeOf([{ id: "u1", login: "bob", secret: "Ii2kUI9CazVeWuV4RVw1eUDtBj13u5dRQt3Q756ytkU=" }]);
    const sent = { host: "page.example.com", headers: {} };
    const put = { ...sent, method: "PUT", url: "/x?b=1&a=2", headers: message.headers, body: '{"a":"é"}' };
    expect(await verifyRequest(put, { accounts })).toMatchObject({ ok: true });
    expect(await verifyRequest({ ...sent, method: "GET", url: message.url }, { accounts })).toMatchObject({ ok: true, source: "url" });
  });
});
