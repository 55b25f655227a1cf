import { describe, expect, it } from "vitest";
import { redactUrl } from "./redact-url.js";

describe("redactUrl", () => {
  it.each([
    ["postgres://me:hunter2@h:5432/db?max=5", "postgres://me:***@h:5432/db?max=5"],
    ["redis://:hunter2@h", "redis://:***@h"],
    ["postgres://me:hun@ter/2#x@h/db", "postgres://me:***@h/db"],
    ["mysql://h/db?password=hunter2&ssl=1", "mysql://h/db?password=***&ssl=1"],
    ["dynamodb://h?accessKeyId=hunter2&region=eu&secretAccessKey=hunter2", "dynamodb://h?accessKeyId=***&region=eu&secretAccessKey=***"],
    ["http://h/x?p%61ss=hunter2#token=hunter2", "http://h/x?p%61ss=***#token=***"],
    ["http://h/x?%zzsecret=hunter2", "http://h/x?%zzsecret=***"],
    ["http://h/x?BK-Signature=hunter2", "http://h/x?BK-Signature=***"],
  ])("hides the secrets of %s", (url, redacted) => {
    expect(redactUrl(url)).toBe(redacted);
    expect(redacted).not.toContain("hunter2");
  });

  it.each([
    "sqlite:app.db",
    "sqlite::memory:",
    "memory:",
    "postgres://me@h/db",
    "redis-cluster://h:1,i:2",
    "http://[::1]:8000/a?b=c",
    "",
    "?",
  ])("leaves %j as it is", (url) => {
    expect(redactUrl(url)).toBe(url);
  });
});
