import { type ModuleHost, modulesNamed } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { controlsOf } from "../src/data/controls.js";
import { temporaryFolder } from "./run-cli.js";
import { startServer, type TestServer } from "./start-server.js";

let on: TestServer;
let document: Record<string, unknown>;
beforeAll(async () => {
  on = await startServer({ limits: { maxCount: 77 } });
  document = (await on.call("", "/openapi.json", { signed: false })).body;
});
afterAll(() => on.server.close());

type Json = Readonly<Record<string, unknown>>;
type PathItem = Readonly<Record<string, { readonly parameters?: readonly Json[]; readonly requestBody?: Json; readonly responses: Json }>>;

/** The documents: for everybody, and with the tables as an admin, an owner and a reader see them. */
let documents: Readonly<Record<"everybody" | "root" | "bob", Json>>;
beforeAll(async () => {
  const of = async (login: string): Promise<Json> => (await on.call(login, "/data/openapi.json")).body;
  documents = { everybody: document, root: await of("root"), bob: await of("bob") };
});
const each = ["everybody", "root", "bob"] as const;
const pathsOf = (which: (typeof each)[number]): Readonly<Record<string, PathItem>> => documents[which]["paths"] as never;
const schemasOf = (which: (typeof each)[number]): Readonly<Record<string, Json>> =>
  (documents[which]["components"] as { schemas: never }).schemas;

describe("the OpenAPI document", () => {
  it("describes every call, with the parameters that it takes", () => {
    const paths = pathsOf("everybody");
    for (const [call, controls] of Object.entries(controlsOf)) {
      const given = paths[`/data/${call}/{table}`]!["get"]!.parameters!.map(({ $ref, name }) =>
        (($ref ?? name) as string).split("/").at(-1),
      );
      expect(given).toEqual(["table", ...(call === "list" ? [] : ["columns"]), ...controls]);
    }
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(["/ping", "/auth", "/data/batch", "/data/columns", "/data/columns/{table}", "/data/keys/{table}"]),
    );
    expect(document["openapi"]).toBe("3.1.0");
    expect(document["servers"]).toEqual([{ url: "/" }]);
  });

  it("tells the limits that are enforced", async () => {
    const parameters = (document["components"] as { parameters: Record<string, { schema: Json }> }).parameters;
    expect(parameters["_count"]!.schema).toMatchObject({ type: "integer", minimum: 1, maximum: 77 });
    expect((await on.call("bob", "/data/select/city?_count=78")).status).toBe(400);
    expect((await on.call("bob", "/data/select/city?_count=77")).status).toBe(200);
  });

  it.each(each)("has every reference resolved, and unique operation ids (%s)", (which) => {
    const references: string[] = [];
    const ids: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value !== "object" || value === null) return;
      for (const [name, inner] of Object.entries(value)) {
        if (name === "$ref") references.push(inner as string);
        if (name === "operationId") ids.push(inner as string);
        walk(inner);
      }
    };
    walk(documents[which]);
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) {
      const found = reference
        .slice(2)
        .split("/")
        .reduce<unknown>((at, part) => (at as Json | undefined)?.[part], documents[which]);
      expect([reference, typeof found]).toEqual([reference, "object"]);
    }
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("names no table and no column where it is open to everybody", () => {
    const text = JSON.stringify(document);
    for (const name of ["note", "secret_word", "diary", "city"]) expect(text).not.toContain(`"${name}"`);
  });

  it.each(each)("has exactly the methods of Allow for every path (%s)", async (which) => {
    const allow = (await on.call("root", "/data/get/city", { method: "OPTIONS" })).headers.get("allow")!.toLowerCase().split(", ");
    for (const [path, item] of Object.entries(pathsOf(which))) {
      const isPostOnly = path === "/login" || path === "/logout";
      const allowed = isPostOnly ? (await on.call("root", path)).headers.get("allow")!.toLowerCase().split(", ") : allow;
      expect([path, Object.keys(item).sort()]).toEqual([path, [...allowed].sort()]);
    }
  });

  it("has every route of a server with everything, and nothing that is not served", async () => {
    /** Paths of routes that the document does not name, and why. */
    const leftOut: Readonly<Record<string, string>> = {
      "/": "a page for people",
      "/openapi.json": "the document itself",
      "/data/*": "described call by call",
      "/*": "what is done for every request",
    };
    using folder = temporaryFolder();
    for (const [login, served] of [
      [false, []],
      [{ issuer: false }, ["/login"]],
      [{}, ["/login", "/auth/totp"]],
      [{ mail: () => undefined }, ["/login", "/auth/totp", "/login/reset"]],
    ] as const) {
      const started: string[] = [];
      const modules = modulesNamed(["all"]).map((module) => ({
        ...module,
        async start(host: ModuleHost) {
          const running = await module.start(host);
          for (const { path } of running.endpoints) started.push(path.replace(/\*$/, "{rest}"));
          return running;
        },
      }));
      await using all = await startServer({ login, modules, home: folder.path });
      const { paths } = (await all.call("", "/openapi.json", { signed: false })).body as { paths: Record<string, PathItem> };
      const routes = [...new Set(all.server.app.routes.map(({ path }) => path))];
      const described = Object.keys(paths).filter((path) => !path.startsWith("/data/"));
      expect(started.length).toBeGreaterThan(90);
      expect(described.sort()).toEqual([...routes.filter((path) => leftOut[path] === undefined), ...started].sort());
      for (const part of ["/login", "/auth/totp", "/login/reset"])
        expect([login, part, described.some((path) => path.startsWith(part))]).toEqual([
          login,
          part,
          (served as readonly string[]).includes(part),
        ]);
      for (const [path, item] of Object.entries(paths).filter(([path]) => path.startsWith("/login"))) {
        expect([path, Object.keys(item)]).toEqual([path, ["post"]]);
        expect((await all.call("", path, { signed: false })).headers.get("allow")).toBe("POST");
      }
    }
  });

  it("has the tables with typed rows, as far as the account that signs sees them", () => {
    expect(schemasOf("root")["note"]!["properties"]).toEqual({
      id: { type: "string" },
      owner: { type: ["string", "null"] },
      text: { type: ["string", "null"] },
      stars: { type: ["integer", "null"] },
      rank: { type: ["integer", "null"] },
      private_text: { type: ["string", "null"] },
    });
    expect(Object.keys(schemasOf("bob")["note"]!["properties"] as Json)).toEqual(["id", "owner", "text", "stars", "private_text"]);
    expect(Object.keys(schemasOf("bob")["city"]!["properties"] as Json)).toEqual(["country", "name", "lat", "people"]);
    expect(pathsOf("bob")["/data/put/city"]).toBeUndefined();
    expect(pathsOf("bob")["/data/put/note"]).toBeDefined();
    expect(JSON.stringify(documents.bob)).not.toContain("hush");
    expect(JSON.stringify(documents.root)).toContain("/data/get/hush");
  });

  it("requires key columns, _q and _keys", async () => {
    const parameter = (call: string, name: string): Json | undefined =>
      pathsOf("root")[`/data/${call}/city`]!["get"]!.parameters!.find((each) => each["name"] === name);
    expect([parameter("get", "country")!["required"], parameter("del", "name")!["required"]]).toEqual([true, true]);
    expect(schemasOf("root")["cityNew"]!["required"]).toEqual(["country", "name"]);
    expect(schemasOf("root")["cityChange"]!["required"]).toEqual(["country", "name"]);
    // An owner column in the key is filled.
    expect(schemasOf("bob")["diaryKey"]!["required"]).toEqual(["day"]);
    const shared = (documents.root["components"] as { parameters: Record<string, Json> }).parameters;
    expect([shared["_q"]!["required"], shared["_keys"]!["required"], shared["_count"]!["required"]]).toEqual([true, true, undefined]);
    expect([schemasOf("root")["searchControls"]!["required"], schemasOf("root")["listControls"]!["required"]]).toEqual([["_q"], ["_keys"]]);
    expect((await on.call("root", "/data/get/city?country=IT")).status).toBe(400);
  });

  it("allows what select answers, with _total too", async () => {
    const { schema } = (
      pathsOf("everybody")["/data/select/{table}"]!["get"]!.responses["200"] as { content: Record<string, { schema: Json }> }
    ).content["application/json"]!;
    const [page, count] = schema["anyOf"] as Json[];
    expect(page!["required"]).toEqual(["count", "data"]);
    expect(count).toEqual({ $ref: "#/components/schemas/Count" });
    expect((await on.call("bob", "/data/select/city?_total=1")).body).toEqual({ count: 0 });
  });

  it("describes the rows that are really given", async () => {
    await on.call("root", "/data/put/kinds", { json: { id: "a", int: 1, big: "9", at: "2024-05-31T12:00:00Z", list: [1], blob: "aGk=" } });
    const { body } = await on.call("root", "/data/get/kinds?id=a");
    const properties = schemasOf("root")["kinds"]!["properties"] as Readonly<Record<string, Json>>;
    expect(Object.keys(body).sort()).toEqual(Object.keys(properties).sort());
    for (const [name, value] of Object.entries(body)) {
      const types = [properties[name]!["type"]].flat();
      const is = value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
      if (types[0] !== undefined) expect([name, types]).toEqual([name, expect.arrayContaining([is])]);
    }
  });
});
