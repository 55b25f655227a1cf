import { BkError } from "@bk/core";
import { describe, expect, it } from "vitest";
import { driverMissing, QueueError, unsupported, wrongOption } from "./errors.js";

describe("QueueError", () => {
  it("says where it happened", () => {
    const error = new QueueError("timeout", "no answer", { driver: "redis", op: "submit", target: "mail" });
    expect(error).toBeInstanceOf(BkError);
    expect(error).toMatchObject({ name: "QueueError", outcome: "unknown", driver: "redis", op: "submit", target: "mail" });
  });

  it("of a missing client says what to install", () => {
    expect(driverMissing("amqp", "amqplib", undefined)).toMatchObject({
      code: "driver-missing",
      message: expect.stringContaining("npm install amqplib"),
    });
  });

  it("of an option names it", () => {
    expect(wrongOption("redis")("prefix", "is odd")).toMatchObject({ code: "invalid", detail: { field: "prefix" } });
  });

  it("of what a driver lacks is unsupported, and nothing was done", () => {
    expect(unsupported("no priorities")).toMatchObject({ code: "unsupported", outcome: "none" });
  });
});
