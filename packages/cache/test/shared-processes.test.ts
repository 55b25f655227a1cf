import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isWanted } from "./test-fixture.js";

const run = promisify(execFile);
const program = fileURLToPath(new URL("./shared-cluster.ts", import.meta.url));

describe.runIf(isWanted({ name: "cache-shared", env: undefined }))("driver: cache-shared", () => {
  it("the primary's store outlives a worker that is killed", async () => {
    const args = ["--conditions=bk-source", "--import=tsx", program, randomUUID()];
    const { stdout } = await run(process.execPath, args, { timeout: 60_000 });
    expect(JSON.parse(stdout)).toEqual({ n: 300, kept: "before", loads: 1, isFree: true });
  }, 90_000);
});
