import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findNodeModule, nodeModule } from "./node-module.js";

afterEach(() => vi.unstubAllGlobals());

describe("modules of Node", () => {
  it("are found where the runtime has them", () => {
    expect(nodeModule("node:crypto").createHash).toBe(createHash);
    expect(findNodeModule("node:crypto")).toBe(nodeModule("node:crypto"));
  });

  it.each([undefined, {}, { getBuiltinModule: () => undefined }])("are reported as missing where it has none (process: %o)", (process) => {
    vi.stubGlobal("process", process);
    expect(findNodeModule("node:crypto")).toBeUndefined();
    expect(() => nodeModule("node:crypto")).toThrow("node:crypto");
  });
});
