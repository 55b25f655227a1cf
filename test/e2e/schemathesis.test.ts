// The OpenAPI document is the truth: whatever Schemathesis makes of it, the server never fails, and replies what the document says.

import { spawn } from "node:child_process";

import { addAccount } from "@bk/auth";
import { type Log } from "@bk/core";
import { modulesNamed } from "@bk/modules";
import { createServer } from "@bk/server";
import { describe, expect, it } from "vitest";

import { finished, temporaryFolder } from "../../packages/server/test/run-cli.js";
import { masterKey, tables } from "../../packages/server/test/start-server.js";
import { NoServiceError } from "../services/service.js";
import { schemathesis } from "../services/schemathesis.js";
import { startSigningProxy } from "./signing-proxy.js";

/** Left out, each with the reason. */
const leftOut: Readonly<Record<string, string>> = {
  "/account/subscribe": "waits for events",
  "/push": "streams until it is closed",
  "/channel": "streams until it is closed",
  "/logout": "ends the caller's own login",
  "/account/del": "removes the caller",
  "/account/put/secret": "ends the caller's signatures",
  "/auth/totp/add": "changes what the caller logs in with",
  "/auth/totp/confirm": "changes what the caller logs in with",
  "/auth/totp/del": "changes what the caller logs in with",
};
const leftOutForAdmins: Readonly<Record<string, string>> = {
  "/account/update": "an admin may take its own type away",
  "/system/restart": "ends the server",
};

/** A part that is the same each time; five minutes with BK_FULL_E2E=1. */
const extent =
  process.env["BK_FULL_E2E"] === "1"
    ? ["--max-time", "300"]
    : ["--phases", "examples,fuzzing", "--max-examples", "1", "--seed", "1", "--generation-database", "none"];

const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
];

const found = await schemathesis().catch((error: unknown) => {
  if (error instanceof NoServiceError && process.env["CI"] !== "true") return error;
  throw error;
});

describe.skipIf(process.env["BK_TEST_QUICK"] === "1")("what Schemathesis sends", () => {
  if (found instanceof Error) {
    it.skip(`not run: ${found.message}`, () => undefined);
    return;
  }
  it.each(["account", "admin"] as const)("is answered as the document says, for an %s", { timeout: 900_000 }, async (who) => {
    using home = temporaryFolder();
    const failures: unknown[] = [];
    const quiet = (): void => undefined;
    const log: Log = { debug: quiet, info: quiet, warn: quiet, error: (message, fields) => void failures.push([message, fields]) };
    const server = await createServer({
      db: `sqlite:${home.file("db")}`,
      tables,
      modules: modulesNamed(["all"], { signUp: "open", pushcartToken: "the token of pushcart" }),
      masterKey,
      home: home.path,
      rateLimits: [],
      log,
    });
    try {
      const account = { login: "caller", secret: "the secret of the caller" };
      await addAccount(server.db, { ...account, name: "caller", ...(who === "admin" ? { type: "admin" } : {}) }, { masterKey });
      const { url } = await server.listen({ port: 0 });
      await using proxy = await startSigningProxy(url, account);
      const without = Object.keys({ ...leftOut, ...(who === "admin" ? leftOutForAdmins : {}) }).flatMap((path) => ["--exclude-path", path]);
      const args = ["run", `${proxy.url}/openapi.json`, "--url", proxy.url, "--checks", checks.join(","), ...without, ...extent];
      const child = spawn(found, [...args, "--suppress-health-check", "all", "--warnings", "off", "--no-color"], {
        cwd: home.path,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const { code, stdout, stderr } = await finished(child);
      // Long URLs would hide what was found.
      const told = stdout.replaceAll(/\S{500,}/g, "…").slice(-8_000);
      expect({ code, told, stderr }).toEqual({
        code: 0,
        told: expect.stringMatching(/\d+ generated, \d+ passed/),
        stderr: expect.any(String),
      });
      expect(failures).toEqual([]);
      // The caller is still there, and so is what it may do.
      expect((await fetch(`${proxy.url}/${who === "admin" ? "system/stats/get" : "account/get"}`)).status).toBe(200);
    } finally {
      await server.close();
    }
  });
});
