import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder, checkFile } from "./cache.js";
import { exchange } from "./exchange.js";
import type { Recipe } from "./recipe.js";
import { run } from "./run.js";

/** The program that stands for CouchDB, the packages that it needs, and their lock. */
const sources = fileURLToPath(new URL("./couchdb/", import.meta.url));
const what = "express-pouchdb 4.2.0 and PouchDB 9";
const packages = (): string => join(cacheFolder(), "express-pouchdb-4.2.0");
const proof = {
  file: "node_modules/express-pouchdb/package.json",
  sha256: "873ab0885437d4c210060fb081bee0cf7d516c8719c644abde6c48775c073366",
};

async function install(): Promise<void> {
  process.stderr.write(`installing ${what} (npm) …\n`);
  const folder = mkdtempSync(join(cacheFolder(), `download-${process.pid}-`));
  try {
    for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(sources, name), join(folder, name));
    await run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
    try {
      renameSync(folder, packages());
    } catch (error) {
      // Another run was first; what it keeps is the same.
      if (!existsSync(packages())) throw error;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** PouchDB's server, which speaks CouchDB's HTTP API. CouchDB itself comes with Docker only. */
export const couchdb: Recipe = {
  name: "couchdb",
  variable: "BK_TEST_COUCHDB",
  portCount: 1,
  needs: [],
  artifact: {
    what,
    cached: () => existsSync(packages()),
    async fetch() {
      if (!existsSync(packages())) await install();
      await checkFile(join(packages(), proof.file), proof.sha256);
    },
  },
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `couchdb://bk:secret@127.0.0.1:${port}/test`,
  prepare: async () => undefined,
  // The program of this tree, with the packages of the cache.
  commands: ({ data, ports: [port] }) => [
    [
      "env",
      `NODE_PATH=${join(packages(), "node_modules")}`,
      process.execPath,
      join(sources, "server.cjs"),
      String(port),
      data,
      "bk:secret",
    ],
  ],
  answers: async ([port = 0]) => {
    const request = `GET /_up HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`;
    const answered = await exchange(port, request, (reply) =>
      reply.includes("\r\n") ? reply.toString("latin1").startsWith("HTTP/1.1 200") : undefined,
    );
    return answered === true;
  },
};
