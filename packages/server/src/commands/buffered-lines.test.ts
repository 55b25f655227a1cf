import { closeSync, openSync, readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { temporaryFolder } from "../../test/run-cli.js";
import { bufferedLines } from "./buffered-lines.js";

it("lines that the disk has no room for are counted, and those after them are written", () => {
  using folder = temporaryFolder();
  let descriptor = openSync("/dev/full", "w");
  const lines = bufferedLines(() => descriptor);
  lines.write("one");
  lines.write("two");
  lines.flush();
  expect(lines.dropped()).toBe(2);
  closeSync(descriptor);
  descriptor = openSync(folder.file("log"), "a");
  lines.write("three");
  lines.flush();
  closeSync(descriptor);
  expect([lines.dropped(), readFileSync(folder.file("log"), "utf8")]).toEqual([2, "three\n"]);
});
