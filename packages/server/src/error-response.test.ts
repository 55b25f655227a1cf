import { BkError } from "@bk/core";
import { DbError } from "@bk/db";
import { describe, expect, it } from "vitest";

import { errorBody, forbidden } from "./error-response.js";

describe("errorBody", () => {
  it("takes a database that refuses the server's own password for the server's fault, not the caller's", () => {
    const error = new DbError("unauthenticated", "postgres get note: wrong password", { driver: "postgres", op: "get", table: "note" });
    expect(errorBody(error)).toEqual({
      status: 503,
      message: "the database refuses the server (unauthenticated)",
      code: "unauthenticated",
    });
  });

  it("takes what the database does not allow the server for the server's fault, what a rule or a hook refuses for the caller's", () => {
    const engine = new DbError("denied", "postgres put note: the server is read-only", { detail: { by: "engine" } });
    expect(errorBody(engine)).toEqual({ status: 503, message: "the database refuses the server (denied)", code: "denied" });
    const hook = new DbError("denied", "the hook before:put refuses the call: not yours");
    expect(errorBody(hook)).toMatchObject({ status: 403, code: "denied" });
    expect(errorBody(forbidden("not yours"))).toEqual({ status: 403, message: "not yours", code: "denied" });
  });

  it("tells what a parameter cannot be taken for now", () => {
    const error = new BkError("unavailable", "images cannot be made now", { detail: { field: "icon" }, cause: new Error("secret") });
    expect(errorBody(error)).toEqual({ status: 503, message: "images cannot be made now", code: "unavailable", field: "icon" });
  });

  it("tells a database that does not answer from others that do not, and nothing of how they are reached", () => {
    const message = (error: Error): string => errorBody(error).message;
    expect(message(new DbError("unavailable", "postgres get note: 10.0.0.1"))).toBe("the database does not answer (unavailable)");
    expect(message(new BkError("timeout", "redis://10.0.0.1"))).toBe("something that the server needs does not answer (timeout)");
  });

  it("says nothing of what went wrong inside", () => {
    expect(errorBody(new Error("secret")).status).toBe(500);
    expect(JSON.stringify(errorBody(new Error("secret")))).not.toContain("secret");
  });
});
