// What storages promise, on a folder and on a server of S3.

import { mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLog } from "@bk/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { folderStorage, type ObjectStorage, rowObjects, s3Storage } from "../src/storage/index.js";
import { startS3, type TestS3 } from "./start-s3.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = async (storage: ObjectStorage, key: string, range?: { start: number; end: number }): Promise<string | undefined> => {
  const body = await storage.get(key, range === undefined ? {} : { range });
  return body === undefined ? undefined : new Response(body).text();
};

async function keysOf(storage: ObjectStorage, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key, mtime } of storage.list(prefix)) {
    expect(Math.abs(mtime - Date.now())).toBeLessThan(3_600_000);
    keys.push(key);
  }
  return keys.sort();
}

let folder: string;
let s3: TestS3;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bk-storage-"));
  s3 = await startS3();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await s3?.[Symbol.asyncDispose]();
});

describe.each([
  ["a folder", () => folderStorage(join(folder, "deep", "below"))],
  ["a bucket", () => s3Storage(s3.options)],
] as const)("storage: %s", (_name, open) => {
  it("gives back what was put, whole and in parts, until it is replaced or removed", async () => {
    const storage = open();
    expect(await textOf(storage, "kind/a/one.x")).toBeUndefined();
    await storage.put("kind/a/one.x", bytes("0123456789"), { type: "text/plain" });
    expect(await textOf(storage, "kind/a/one.x")).toBe("0123456789");
    expect(await textOf(storage, "kind/a/one.x", { start: 2, end: 4 })).toBe("234");
    expect(await textOf(storage, "kind/a/one.x", { start: 9, end: 9 })).toBe("9");
    await storage.put("kind/a/one.x", bytes("other"));
    expect(await textOf(storage, "kind/a/one.x")).toBe("other");
    await storage.put("kind/a/empty.x", new Uint8Array());
    expect(await textOf(storage, "kind/a/empty.x")).toBe("");
    await storage.del("kind/a/one.x");
    await storage.del("kind/a/one.x");
    expect(await textOf(storage, "kind/a/one.x")).toBeUndefined();
  });

  it("keeps every byte of large objects, also of many at once", async () => {
    const storage = open();
    const large = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) % 251);
    await Promise.all(Array.from({ length: 4 }, (_, i) => storage.put(`kind/large/x.${i}`, large)));
    for (let i = 0; i < 4; i++) {
      const body = await storage.get(`kind/large/x.${i}`);
      expect(Buffer.from(await new Response(body).arrayBuffer()).equals(large)).toBe(true);
    }
    await storage.delAll("kind/large");
  });

  it("lists what begins so, and removes a folder and nothing beside it", async () => {
    const storage = open();
    for (const key of ["list/a/b.1", "list/a/b.2", "list/a/c.1", "list/ab/b.1"]) await storage.put(key, bytes(key));
    expect(await keysOf(storage, "list/a/b.")).toEqual(["list/a/b.1", "list/a/b.2"]);
    expect(await keysOf(storage, "list/none/")).toEqual([]);
    await storage.delAll("list/a");
    await storage.delAll("list/a");
    expect(await keysOf(storage, "list/a/")).toEqual([]);
    expect(await keysOf(storage, "list/ab/")).toEqual(["list/ab/b.1"]);
  });

  it("gives a row's objects keys of their own, and leaves none of a name or an account that is forgotten", async () => {
    const objects = rowObjects(open(), "rows", silentLog, Date.now);
    const keys = await Promise.all(
      ["A", "a", "../../x", "con", "x".repeat(300)].map((name) => objects.write("u_1", name, bytes(name), "text/plain")),
    );
    const again = await objects.write("u_1", "a", bytes("again"), "text/plain");
    const other = await objects.write("u_2", "a", bytes("other"), "text/plain");
    expect(new Set([...keys, again, other]).size).toBe(7);
    for (const key of keys) expect(key).toMatch(/^rows\/[0-9a-f]{40}\/[0-9a-f]{40}\.[0-9a-f]{20}$/);
    // Young ones may belong to a write that goes on.
    await objects.sweep("u_1", "a", again);
    expect(await textOf(open(), keys[1]!)).toBe("a");
    const later = rowObjects(open(), "rows", silentLog, () => Date.now() + 2 * 3_600_000);
    await later.sweep("u_1", "a", again);
    expect(await textOf(open(), keys[1]!)).toBeUndefined();
    expect(await textOf(open(), keys[0]!)).toBe("A");
    expect(await textOf(open(), again)).toBe("again");
    await objects.forget("u_1");
    expect(await textOf(open(), again)).toBeUndefined();
    expect(await textOf(open(), other)).toBe("other");
  });
});

describe("a folder", () => {
  it("takes no key that leads elsewhere, and leaves nothing beside a file", async () => {
    const storage = folderStorage(join(folder, "own"));
    for (const key of ["../x", "a/../../x", "/etc/passwd", "a//b", "a/.", "A", "a\\b", "", "a\0b", ".hidden"]) {
      await expect(async () => storage.put(key, bytes("x"))).rejects.toMatchObject({ code: "invalid" });
      await expect(async () => storage.get(key)).rejects.toMatchObject({ code: "invalid" });
      await expect(async () => storage.del(key)).rejects.toMatchObject({ code: "invalid" });
      await expect(async () => storage.delAll(key)).rejects.toMatchObject({ code: "invalid" });
    }
    await storage.put("a/x.1", bytes("x"));
    expect(readdirSync(join(folder, "own", "a"))).toEqual(["x.1"]);
    // It cannot be moved onto a folder: then nothing is left of it.
    await storage.put("a/b/x.1", bytes("x"));
    await expect(storage.put("a/b", bytes("x"))).rejects.toThrow();
    expect(readdirSync(join(folder, "own", "a")).sort()).toEqual(["b", "x.1"]);
  });

  it("lets those who read an object end, though it is removed", async () => {
    const storage = folderStorage(join(folder, "read"));
    await storage.put("a/x.1", new Uint8Array(2_000_000).fill(7));
    const body = await storage.get("a/x.1");
    await storage.del("a/x.1");
    expect((await new Response(body).arrayBuffer()).byteLength).toBe(2_000_000);
  });

  it("has what a broken-off write left removed by the next one of the same name, when it is old", async () => {
    const storage = folderStorage(join(folder, "left"));
    const objects = rowObjects(storage, "rows", silentLog, Date.now);
    const key = await objects.write("u_1", "a", bytes("new"), "text/plain");
    const part = `${key.slice(0, -20)}${"0".repeat(20)}.part-0123456789ab`;
    await storage.put(part, bytes("broken off"));
    await objects.sweep("u_1", "a", key);
    expect(await textOf(storage, part)).toBe("broken off");
    const old = Date.now() / 1000 - 7200;
    utimesSync(join(folder, "left", part), old, old);
    await objects.sweep("u_1", "a", key);
    expect(await textOf(storage, part)).toBeUndefined();
    expect(await textOf(storage, key)).toBe("new");
  });
});

describe("a bucket", () => {
  it("tells a server that is away from one that refuses, and no secret in either", async () => {
    const away = s3Storage({ ...s3.options, endpoint: "http://127.0.0.1:1" });
    await expect(away.put("a/x", bytes("x"))).rejects.toMatchObject({ code: "unavailable" });
    const wrong = s3Storage({ ...s3.options, accessKeyId: "nobody", secretAccessKey: "not the secret" });
    const error = await wrong.put("a/x", bytes("x")).then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { code: string },
    );
    expect(error).toMatchObject({ code: "internal" });
    expect(String(error)).not.toContain("not the secret");
    const none = s3Storage({ ...s3.options, bucket: "none" });
    await expect(none.put("a/x", bytes("x"))).rejects.toMatchObject({ code: "internal" });
  });

  it("ends a read that its caller gives up", async () => {
    const storage = s3Storage(s3.options);
    await storage.put("a/x", bytes("x"));
    await expect(storage.get("a/x", { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "cancelled" });
  });
});
