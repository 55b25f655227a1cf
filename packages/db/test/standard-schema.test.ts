// Any Standard Schema serves as a column's or a table's check: tried with the three libraries that people use most.

import { type } from "arktype";
import * as v from "valibot";
import { expect, test } from "vitest";
import { z } from "zod";

import { defineTables, openDb, table } from "@bk/db";

const codes = {
  zod: z.string().regex(/^[A-Z]{2}$/, "two capitals"),
  valibot: v.pipe(v.string(), v.regex(/^[A-Z]{2}$/, "two capitals")),
  arktype: type("/^[A-Z]{2}$/"),
};

for (const [library, check] of Object.entries(codes)) {
  test(`a schema of ${library} checks a column`, async () => {
    const tables = defineTables({ city: { id: { primary: 1 }, country: { check } } });
    await using db = await openDb({ url: "memory:", tables });
    await db.sync();
    await db.put("city", { id: "rome", country: "IT" });
    await expect(db.put("city", { id: "rome", country: "italy" })).rejects.toMatchObject({ code: "invalid", column: "country" });
    await expect(db.update("city", { id: "rome", country: "i" })).rejects.toMatchObject({ code: "invalid", column: "country" });
    expect(await db.get("city", "rome")).toEqual({ id: "rome", country: "IT" });
  });
}

const spans = {
  zod: z
    .object({ id: z.string(), from: z.number(), to: z.number() })
    .refine((row) => row.from <= row.to, { message: "from after to", path: ["to"] }),
  valibot: v.pipe(
    v.object({ id: v.string(), from: v.number(), to: v.number() }),
    v.check((row) => row.from <= row.to, "from after to"),
  ),
  arktype: type({ id: "string", from: "number", to: "number" }).narrow(
    (row, context) => row.from <= row.to || context.mustBe("from after to"),
  ),
};

for (const [library, check] of Object.entries(spans)) {
  test(`a schema of ${library} checks a whole row`, async () => {
    const tables = defineTables({ span: table({ id: { primary: 1 }, from: { type: "int" }, to: { type: "int" } }, { check }) });
    await using db = await openDb({ url: "memory:", tables });
    await db.sync();
    await db.add("span", { id: "a", from: 1, to: 2 });
    await expect(db.add("span", { id: "b", from: 3, to: 2 })).rejects.toMatchObject({ code: "invalid" });
    await expect(db.put("span", { id: "b", from: 3, to: 2 })).rejects.toThrow(/from after to/);
    expect(await db.count("span", {})).toBe(1);
  });
}

test("a schema may change a value, which is checked by its type again", async () => {
  const tables = defineTables({
    t: {
      id: { primary: 1 },
      name: { check: z.string().transform((text) => text.trim()) },
      n: { type: "int", check: z.number().transform(String) },
    },
  });
  await using db = await openDb({ url: "memory:", tables });
  await db.sync();
  await db.put("t", { id: "a", name: "  x " });
  expect(await db.get("t", "a")).toMatchObject({ name: "x" });
  await expect(db.put("t", { id: "a", n: 5 })).rejects.toMatchObject({ code: "invalid", column: "n" });
});

test("an asynchronous schema is refused", async () => {
  const tables = defineTables({ t: { id: { primary: 1 }, name: { check: z.string().refine(async () => true) } } });
  await using db = await openDb({ url: "memory:", tables });
  await db.sync();
  await expect(db.put("t", { id: "a", name: "x" })).rejects.toMatchObject({ code: "invalid", column: "name" });
});
