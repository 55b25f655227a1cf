import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { fileReply } from "./file-reply.js";
import { staticSettings } from "./static-options.js";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "bk-file-reply-"))));
afterEach(() => rmSync(folder, { recursive: true }));

async function replyOf(bytes: number): Promise<{ readonly reply: Response; readonly place: string }> {
  const place = join(folder, "a.bin");
  writeFileSync(place, Buffer.alloc(bytes));
  const found = { place, path: "a.bin", stats: statSync(place), encoding: undefined };
  const reply = await fileReply(new Request("http://x/a.bin"), found, staticSettings({ roots: [folder] }));
  return { reply: reply!, place };
}

it("is all of a large file", async () => {
  const { reply } = await replyOf(5_000_000);
  expect((await reply.arrayBuffer()).byteLength).toBe(5_000_000);
});

it("fails where the file is cut while it is sent, so that nobody waits for the rest", async () => {
  const { reply, place } = await replyOf(5_000_000);
  const reader = reply.body!.getReader();
  await reader.read();
  truncateSync(place, 1000);
  const rest = async (): Promise<void> => {
    while (!(await reader.read()).done);
  };
  await expect(rest()).rejects.toThrow("became shorter");
});
