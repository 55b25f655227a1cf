import { describe, expect, it } from "vitest";
import { classifyCouch, errorOf, memberError } from "./errors.js";

const reply = (status: number, text: string) => errorOf({ status, text, headers: {} });
const said = (status: number, error: string, reason = "") => reply(status, JSON.stringify({ error, reason }));
const failed = (code: string) => Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("x"), { code }) });

describe("classifyCouch", () => {
  it.each([
    ["wrong password", said(401, "unauthorized", "Name or password is incorrect."), "unauthenticated", "none"],
    ["not allowed", said(403, "forbidden", "You are not allowed to access this db."), "denied", "none"],
    ["a document that a rule refuses", memberError({ error: "forbidden", reason: "no" }), "denied", "none"],
    ["no database", said(404, "not_found", "Database does not exist."), "drift", "none"],
    ["too large", said(413, "document_too_large", "a"), "too-large", "none"],
    ["too large for a proxy", reply(413, "<html>"), "too-large", "none"],
    ["too many requests", said(429, "too_many_requests"), "limited", "none"],
    ["overload", said(503, "service_unavailable"), "unavailable", "unknown"],
    ["a slow view", said(500, "timeout", "The request could not be processed in a reasonable amount of time."), "timeout", "unknown"],
    ["refused connection", failed("ECONNREFUSED"), "unavailable", "none"],
    ["unknown host", failed("ENOTFOUND"), "unavailable", "none"],
    ["reset connection", failed("ECONNRESET"), "unavailable", "unknown"],
    ["foreign certificate", failed("DEPTH_ZERO_SELF_SIGNED_CERT"), "unavailable", "none"],
  ])("%s", (_name, error, code, outcome) => {
    const meaning = classifyCouch(error);
    expect([meaning?.code, meaning?.outcome]).toEqual([code, outcome]);
  });

  it("does not know what is new to it", () => {
    expect(classifyCouch(said(500, "badmatch"))).toBeUndefined();
    expect(classifyCouch(new Error("something"))).toBeUndefined();
  });
});
