import { defineConfig } from "vitest/config";

// Workspace packages resolve to their TypeScript source, so that a test never runs a stale build.
const conditions = ["bk-source", "node", "development|production"];

// Vitest reads its configuration from the default export.
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ["node"] } },
  test: {
    include: ["packages/*/src/**/*.test.ts", "packages/*/test/**/*.test.ts", "test/**/*.test.ts"],
    environment: "node",
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
