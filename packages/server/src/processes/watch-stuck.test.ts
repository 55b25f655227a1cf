import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

it("writes where the main thread is stuck, once, and lets it go on", () => {
  const module = fileURLToPath(new URL("./watch-stuck.ts", import.meta.url));
  const loader = new URL("../../../../node_modules/tsx/dist/loader.mjs", import.meta.url).href;
  const code = `
    import { watchStuck } from ${JSON.stringify(module)};
    const stop = watchStuck(300);
    function spin() { const end = Date.now() + 3000; while (Date.now() < end); }
    setTimeout(() => { spin(); process.stdout.write("went on"); stop(); }, 1000);`;
  const { stdout, stderr } = spawnSync(process.execPath, [`--import=${loader}`, "--input-type=module", "--eval", code], {
    encoding: "utf8",
  });
  expect(stdout).toBe("went on");
  expect(stderr.match(/is stuck in\n/g)).toHaveLength(1);
  expect(stderr).toMatch(/is stuck in\n\s+at spin \(/);
});
