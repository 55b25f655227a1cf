import { DbError } from "@bk/db";
import { describe, expect, it } from "vitest";

import { errorBody } from "./error-response.js";

describe("errorBody", () => {
  it("takes a database that refuses the server's own password for the server's fault, not the caller's", () => {
    const error = new DbError("unauthenticated", "postgres get note: wrong password", { driver: "postgres", op: "get", table: "note" });
    expect(errorBody(error)).toEqual({ status: 503, message: "the database does not answer (unauthenticated)", code: "unauthenticated" });
  });

  it("says nothing of what went wrong inside", () => {
    expect(errorBody(new Error("secret")).status).toBe(500);
    expect(JSON.stringify(errorBody(new Error("secret")))).not.toContain("secret");
  });
});
