import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";
import { asNobody, folderForNobody } from "./run-as.js";

/** Chromium without a window, which tests of pages drive over its DevTools protocol. */
export const chromium: Recipe = {
  name: "chromium",
  variable: "BK_TEST_CHROMIUM",
  portCount: 1,
  needs: [{ what: "Chromium", packages: ["chromium"], found: () => onPath("chromium") !== undefined }],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `http://127.0.0.1:${port}`,
  prepare: async ({ data }) => folderForNobody(data),
  commands: ({ data, ports: [port] }) => [asNobody(["env", `HOME=${data}`, onPath("chromium") ?? "chromium", ...flags(data, port!)])],
  answers: async ([port]) => {
    try {
      return (await fetch(`http://127.0.0.1:${port}/json/version`, { signal: AbortSignal.timeout(2000) })).ok;
    } catch {
      return false; // it does not listen yet
    }
  },
};

function flags(data: string, port: number): string[] {
  return [
    "--headless=new",
    `--remote-debugging-port=${port}`,
    `--user-data-dir=${data}`,
    // It shows pages of the tests alone, and containers seldom allow it namespaces and shared memory of its own.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    // Nothing is asked of other servers.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
}
