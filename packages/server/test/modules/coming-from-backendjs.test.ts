// The tables of docs/guides/coming-from-backendjs.md: every endpoint is there or refused as they say, every request is answered as
// they say. One server from the top of the page down.

import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";

import { accounts, modulesNamed } from "@bk/modules";
import { push } from "@bk/modules/push";
import { defineTables, table } from "@bk/db";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { temporaryFolder } from "../run-cli.js";
import { type Reply, startServer, type TestServer } from "../start-server.js";

const page = readFileSync(new URL("../../../../docs/guides/coming-from-backendjs.md", import.meta.url), "utf8");

/** The rows of the tables whose head begins so, as cells. */
function rowsOf(head: string): string[][] {
  const lines = page.split("\n");
  const rows: string[][] = [];
  lines.forEach((line, at) => {
    if (!line.startsWith(head)) return;
    for (let i = at + 2; lines[i]?.startsWith("|") === true; i++)
      rows.push(
        lines[i]!.split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
  });
  return rows;
}

const codeIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);

const endpoints = rowsOf("| theirs | here | |").filter(([theirs]) => theirs!.includes("`/"));
const requests = rowsOf("| who | request | reply |");

const tables = defineTables({
  album: table(
    { id: { primary: 1 }, name: { pub: true }, mtime: { type: "now" }, plays: { type: "counter" }, owner: {} },
    { owner: "owner" },
  ),
});

const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

describe.each(["memory:", "sqlite::memory:"])("driver: %s", (db) => {
  let test: TestServer;
  const known = new Map<string, string>();
  const filled = (text: string): string => [...known].reduce((filling, [name, value]) => filling.replaceAll(name, value), text);

  beforeAll(async () => {
    const others = modulesNamed(["all"], { pushcartToken: "the token of pushcart" }).filter(({ name }) => name !== "accounts");
    // Nothing is sent: the page has no device.
    const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const messages = push({ apps: { app: { apns: { key, keyId: "ABC123DEFG", teamId: "TEAM123456" } } } });
    const modules = [accounts({ signUp: "open", subscribe: { intervalMs: 0 } }), messages, ...others];
    test = await startServer({ db, modules, tables, home: folder.path });
    const icon = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#c00" } })
      .png()
      .toBuffer();
    known.set("ICON", encodeURIComponent(icon.toString("base64")));
    known.set("BASE64", icon.toString("base64"));
  });
  afterAll(() => test.server.close());

  /** A request as the page writes it: a method where it is not GET, a path, a JSON body. */
  function ask(who: string, written: string): Promise<Reply> {
    const [, method = "GET", path, json] = /^(?:([A-Z]+) )?(\S+)(?: ([[{].*))?$/.exec(filled(written))!;
    const signed = who !== "nobody";
    const headers = json === undefined || signed ? {} : { "content-type": "application/json" };
    return test.call(who, path!, { method, signed, headers, ...(json === undefined ? {} : { json: JSON.parse(json) as unknown }) });
  }

  /** The id of a new account, and the time of a message, for the requests that follow. */
  function remember(written: string, { status, text }: Reply): void {
    if (status !== 200) return;
    const login = /^\/account\/add\?login=(\w+)/.exec(written)?.[1];
    if (login !== undefined) known.set(login.toUpperCase(), (JSON.parse(text) as { id: string }).id);
    if (written.startsWith("/message/add")) known.set("MTIME", String((JSON.parse(text) as { mtime: number }[])[0]!.mtime));
  }

  it("every endpoint is where the page says, or is refused", async () => {
    expect([endpoints.length > 90, requests.length > 150]).toEqual([true, true]);
    const { paths } = JSON.parse((await ask("nobody", "/openapi.json")).text) as { paths: Record<string, object> };
    const inDocument = (path: string): string => path.replace("TABLE", "{table}").replace(/\/(ID|PREFIX\/.*)$/, "/{rest}");
    for (const [theirs, here] of endpoints) {
      const path = codeIn(theirs!)[0]!;
      if (/^\d+$/.test(here!))
        for (const method of ["GET", "POST"])
          expect([path, String((await ask("root", `${method} ${path.replace("TABLE", "album")}`)).status)]).toEqual([path, here]);
      else expect(Object.keys(paths)).toContain(inDocument(here === "the same" ? path : codeIn(here!)[0]!));
    }
  });

  it.each(requests)("%s: %s", async (who, cell, reply) => {
    const [written, meanwhile] = codeIn(cell!);
    const other = /while (\w+) asks/.exec(cell!)?.[1];
    let isAnswered = false;
    const asking = ask(who!, written!).finally(() => (isAnswered = true));
    // When a request has begun to wait is not told: what it waits for is done until it has come.
    if (other !== undefined) while (!isAnswered) await ask(other, meanwhile!);
    const answer = await asking;
    remember(written!, answer);
    const [, status, expected] = /^(\d+)(?: (.+))?$/.exec(filled(codeIn(reply!)[0]!))!;
    const isJson = /^[[{]/.test(expected ?? "");
    expect({ status: String(answer.status), ...(isJson ? {} : { type: answer.headers.get("content-type") ?? "" }) }).toMatchObject({
      status,
      ...(isJson || expected === undefined ? {} : { type: expect.stringContaining(expected) as string }),
    });
    if (isJson) expect(JSON.parse(answer.text)).toMatchObject(JSON.parse(expected!) as object);
  });
});
