// What openDb refuses before anything is opened.

import { expect, test } from "vitest";

import { openDb } from "../src/index.js";

const tables = { t: { id: { primary: 1 } } };

test.each(["constructor:x", "toString:x", "nope:x", "hasOwnProperty://host/name"])("a URL without a driver is invalid: %s", async (url) => {
  await expect(openDb({ url, tables })).rejects.toMatchObject({ name: "DbError", code: "invalid" });
});
