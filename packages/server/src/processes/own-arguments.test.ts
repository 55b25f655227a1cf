import { execFileSync } from "node:child_process";

import { expect, it } from "vitest";

import { withArguments } from "./own-arguments.js";

it("arguments reach a process where other users do not see them, and none that it starts", () => {
  const program = `
    const { ownArguments } = await import(${JSON.stringify(new URL("own-arguments.ts", import.meta.url).href)});
    console.log(JSON.stringify([ownArguments, process.argv.slice(2), Object.keys(process.env).filter((name) => name.startsWith("BK_ARG"))]));`;
  const args = ["--master-key", "not for everybody"];
  const options = { env: withArguments(args), encoding: "utf8" } as const;
  const told = execFileSync(process.execPath, ["--import=tsx", "--input-type=module", "--eval", program], options);
  expect(JSON.parse(told)).toEqual([args, [], []]);
});
