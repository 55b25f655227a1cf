// Where code from strings is forbidden, closures give the same rows: the tests of the decoders run once more on them.
import { expect, it, vi } from "vitest";
import { generatedFunction } from "./generated-code.js";

const tried = vi.hoisted(() => {
  const original = globalThis.Function;
  let times = 0;
  const refusing = new Proxy(original, {
    construct(): never {
      times++;
      throw new EvalError("Code generation from strings disallowed for this context");
    },
  });
  globalThis.Function = refusing;
  return () => times;
});

await import("./encodings.test.js");
await import("./row-decoder.test.js");

it("tries to make code once, and not again when that is forbidden", () => {
  expect(generatedFunction({}, "return 1")).toBeUndefined();
  expect(generatedFunction({}, "return 1")).toBeUndefined();
  expect(tried()).toBe(1);
});
