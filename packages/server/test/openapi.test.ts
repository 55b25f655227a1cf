import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { controlsOf } from "../src/data/controls.js";
import { startServer, type TestServer } from "./start-server.js";

let on: TestServer;
let document: Record<string, unknown>;
beforeAll(async () => {
  on = await startServer({ limits: { maxCount: 77 } });
  document = (await on.call("", "/openapi.json", { signed: false })).body;
});
afterAll(() => on.server.close());

type Json = Readonly<Record<string, unknown>>;

describe("the OpenAPI document", () => {
  it("describes every call, with the parameters that it takes", () => {
    const paths = document["paths"] as Record<string, { get?: { parameters: { $ref: string }[] } }>;
    for (const [call, controls] of Object.entries(controlsOf)) {
      const given = paths[`/data/${call}/{table}`]!.get!.parameters.map(({ $ref }) => $ref.split("/").at(-1));
      expect(given).toEqual(["table", "columns", ...controls]);
    }
    expect(Object.keys(paths)).toEqual(
      expect.arrayContaining(["/ping", "/auth", "/data/batch", "/data/columns", "/data/columns/{table}", "/data/keys/{table}"]),
    );
    expect(document["openapi"]).toBe("3.1.0");
  });

  it("tells the limits that are enforced", async () => {
    const parameters = (document["components"] as { parameters: Record<string, { schema: Json }> }).parameters;
    expect(parameters["_count"]!.schema).toMatchObject({ type: "integer", minimum: 1, maximum: 77 });
    expect((await on.call("bob", "/data/select/city?_count=78")).status).toBe(400);
    expect((await on.call("bob", "/data/select/city?_count=77")).status).toBe(200);
  });

  it("has every reference resolved, and unique operation ids", () => {
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
    walk(document);
    expect(references.length).toBeGreaterThan(50);
    for (const reference of references) {
      const found = reference
        .slice(2)
        .split("/")
        .reduce<unknown>((at, part) => (at as Json | undefined)?.[part], document);
      expect([reference, typeof found]).toEqual([reference, "object"]);
    }
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("names no table and no column: it is open to everybody", () => {
    const text = JSON.stringify(document);
    for (const name of ["note", "secret_word", "diary", "city"]) expect(text).not.toContain(`"${name}"`);
  });
});
