// A file of events: written, put aside when it is full, and never consumed.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openQueue } from "@bk/queue";
import { afterAll, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "bk-queue-json-"));
afterAll(() => rmSync(folder, { recursive: true }));

const linesOf = (name: string): { id: string; queue: string; time: string; data: unknown }[] =>
  readFileSync(join(folder, name), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { id: string; queue: string; time: string; data: unknown });
const filesOf = (name: string): string[] =>
  readdirSync(folder)
    .filter((each) => each === name || each.startsWith(`${name}.`))
    .sort();

it("adds what is submitted to the file, in order, a line each", async () => {
  const url = `json:${join(folder, "plain.jsonl")}`;
  const queue = await openQueue(url, { name: "events" });
  const receipts = await Promise.all([queue.submit({ a: "x\ny" }), queue.submit("two", { maxAttempts: 3 }), queue.submit(null)]);
  await queue.submitMany([{ message: 4 }, { message: [5] }]);
  await queue.close();
  const again = await openQueue(url, { name: "events" });
  await again.submit(6);
  await again.close();
  const lines = linesOf("plain.jsonl");
  expect(lines.map(({ data }) => data)).toEqual([{ a: "x\ny" }, "two", null, 4, [5], 6]);
  expect(lines.slice(0, 3).map(({ id }) => id)).toEqual(receipts.map(({ id }) => id));
  expect(lines.every(({ queue: name, time }) => name === "events" && !Number.isNaN(Date.parse(time)))).toBe(true);
});

it("puts a file aside that has its number of lines, that of an earlier process too", async () => {
  writeFileSync(join(folder, "count.jsonl"), "{}\n{}\n");
  await using queue = await openQueue(`json:${join(folder, "count.jsonl")}?count=3`);
  await queue.submitMany(Array.from({ length: 8 }, (_each, message) => ({ message })));
  const files = filesOf("count.jsonl");
  expect(files).toHaveLength(4);
  const [now, ...full] = files;
  expect(full.map((name) => linesOf(name).map(({ data }) => data))).toEqual([
    [undefined, undefined, 0],
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(linesOf(now!).map(({ data }) => data)).toEqual([7]);
});

it("puts a file aside that has its number of bytes", async () => {
  await using queue = await openQueue(`json:${join(folder, "size.jsonl")}`, { options: { size: 200 } });
  for (let message = 0; message < 9; message++) await queue.submit(message);
  const files = filesOf("size.jsonl");
  expect(files.length).toBeGreaterThan(2);
  expect([...files.slice(1), files[0]!].flatMap((name) => linesOf(name).map(({ data }) => data))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

it("has no consumers, and says so of all that they would need", async () => {
  await using queue = await openQueue(`json:${join(folder, "none.jsonl")}`);
  const unsupported = expect.objectContaining({ code: "unsupported" });
  await expect(queue.listen(() => undefined)).rejects.toEqual(unsupported);
  await expect(queue.submit(1, { delayMs: 5 })).rejects.toEqual(unsupported);
  await expect(queue.submit(1, { priority: 1 })).rejects.toEqual(unsupported);
  await expect(queue.submit(1, { groupKey: "a" })).rejects.toEqual(unsupported);
  await expect(queue.submit(1, { dedupeKey: "a" })).rejects.toEqual(unsupported);
  await expect(queue.dead.list()).rejects.toEqual(unsupported);
  await expect(queue.purge()).rejects.toEqual(unsupported);
  await expect(queue.idle()).rejects.toEqual(unsupported);
  expect(await queue.stats()).toEqual({});
});

it("tells what is wrong with the URL, a setting or the folder", async () => {
  await expect(openQueue("json:")).rejects.toMatchObject({ code: "invalid" });
  await expect(openQueue("json://host/path")).rejects.toMatchObject({ code: "invalid", detail: { field: "url" } });
  await expect(openQueue("json:a.jsonl?count=0")).rejects.toMatchObject({ code: "invalid", detail: { field: "count" } });
  await expect(openQueue("json:a.jsonl?bytes=1")).rejects.toMatchObject({ code: "invalid" });
  await using nowhere = await openQueue(`json:${join(folder, "no", "such", "a.jsonl")}`);
  await expect(nowhere.submit(1)).rejects.toMatchObject({ code: "not-found", outcome: "none" });
});

it("names what there is for the targets of AWS that have no driver", async () => {
  for (const url of ["sns:topic", "eventbridge:bus"])
    await expect(openQueue(url)).rejects.toMatchObject({ code: "unsupported", message: expect.stringContaining("sqs:") });
});
