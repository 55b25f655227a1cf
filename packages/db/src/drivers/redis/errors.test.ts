import { describe, expect, it } from "vitest";
import { classifyRedis } from "./errors.js";

const withCode = (code: string): Error => Object.assign(new Error(`connect ${code} 127.0.0.1:6379`), { code });

describe("classifyRedis", () => {
  it.each([
    ["WRONGPASS invalid username-password pair or user is disabled.", "unauthenticated", "none"],
    ["NOAUTH Authentication required.", "unauthenticated", "none"],
    ["NOPERM this user has no permissions to run the 'evalsha' command", "denied", "none"],
    ["LOADING Redis is loading the dataset in memory", "unavailable", "none"],
    ["CLUSTERDOWN The cluster is down", "unavailable", "none"],
    ["READONLY You can't write against a read only replica.", "unavailable", "none"],
    ["READONLY You can't write against a read only replica. script: 0f, on @user_script:64.", "unavailable", "none"],
    ["OOM command not allowed when used memory > 'maxmemory'. script: 0f, on @user_script:70.", "unavailable", "none"],
    ["BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "limited", "none"],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", "drift", "none"],
    ["-WRONGTYPE Operation against a key holding the wrong kind of value script: 0f, on @user_script:64.", "drift", "none"],
    ["ERR Error running script (call to f_0f): @user_script:64: WRONGTYPE Operation against a key", "drift", "none"],
    ["Stream isn't writeable and enableOfflineQueue options is false", "unavailable", "none"],
    ["None of startup nodes is available", "unavailable", "none"],
    ["Connection is closed.", "unavailable", "unknown"],
    [
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
      "unavailable",
      "unknown",
    ],
    ["Command aborted due to connection close", "unavailable", "unknown"],
    ["Command timed out", "timeout", undefined],
  ])("%s is %s, %s", (message, code, outcome) => {
    expect(classifyRedis(new Error(message))).toMatchObject(outcome === undefined ? { code } : { code, outcome });
  });

  it.each([
    ["ECONNREFUSED", "none"],
    ["ENOTFOUND", "none"],
    ["ECONNRESET", "unknown"],
    ["EPIPE", "unknown"],
  ])("%s is unavailable, %s", (code, outcome) => {
    expect(classifyRedis(withCode(code))).toMatchObject({ code: "unavailable", outcome });
  });

  it("leaves what it does not know to the core", () => {
    for (const error of [new Error("ERR unknown command"), new Error("constructor"), "text", undefined])
      expect(classifyRedis(error)).toBeUndefined();
  });
});
