import { describe, expect, it } from "vitest";

import { classifySqs } from "./errors.js";
import { bodyOf, partsOf } from "./message.js";
import { sqsSettings } from "./options.js";

const named = (name: string, more: object = {}): Error => Object.assign(new Error("x"), { name, ...more });

describe("driver: queue-sqs", () => {
  it.each([
    [named("QueueDoesNotExist"), "not-found", "none"],
    [named("AWS.SimpleQueueService.QueueDoesNotExist"), "not-found", "none"],
    [named("AccessDenied"), "denied", "none"],
    [named("InvalidClientTokenId"), "unauthenticated", "none"],
    [named("ThrottlingException"), "limited", "none"],
    [named("TimeoutError"), "timeout", "unknown"],
    [named("Error", { code: "ECONNREFUSED" }), "unavailable", "none"],
    [named("Error", { code: "ECONNRESET" }), "unavailable", "unknown"],
    [named("Strange", { $metadata: { httpStatusCode: 503 } }), "unavailable", "unknown"],
    [new Error("Region is missing"), "invalid", "none"],
  ])("%s is %s, outcome %s", (error, code, outcome) => expect(classifySqs(error)).toMatchObject({ code, outcome }));

  it("what is not known is left to the caller", () => expect(classifySqs(new Error("x"))).toBeUndefined());

  it("settings are read, wrong ones named without their values", () => {
    const settings = (url: string, queue = "mail", options = {}): unknown => sqsSettings({ url, queue, options });
    expect(settings("sqs:?region=eu-west-1&fifo=true", "a.b")).toMatchObject({
      name: "a_-b.fifo",
      deadName: "a_-b-dead.fifo",
      isFifo: true,
    });
    expect(settings("sqs://localhost:9324", "mail", { prefix: "t-", pollSeconds: 1 })).toMatchObject({
      endpoint: "http://localhost:9324",
      name: "t-mail",
    });
    for (const [url, queue, field] of [
      ["sqs://me:hush@host", "mail", "url"],
      ["sqs://host/path", "mail", "url"],
      ["sqs:?accessKeyId=hush", "mail", "accessKeyId"],
      ["sqs:?pollSeconds=60", "mail", "pollSeconds"],
      ["sqs:", "a_-b", "name"],
      ["sqs:", "x".repeat(80), "name"],
    ] as const)
      expect(() => settings(url, queue)).toThrow(
        expect.objectContaining({ code: "invalid", detail: { field }, message: expect.not.stringContaining("hush") as string }),
      );
  });

  it.each(["plain", '{"a":"\\u0000"}', "\uFFFE and \uFFFF", "tab\tline\n", "\u0001", "😀", ""])(
    "the body %j comes back as it was",
    (body) => {
      const parts = { id: "i", body, before: 2, due: 5, groupKey: undefined, death: { error: "e\u0001\uFFFE", time: 7 } };
      const { MessageBody, MessageAttributes } = bodyOf(parts);
      // oxlint-disable-next-line no-control-regex -- what SQS refuses
      expect(MessageBody).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
      expect(partsOf({ Body: MessageBody, MessageAttributes })).toEqual({ ...parts, death: { error: "e  ", time: 7 } });
    },
  );
});
