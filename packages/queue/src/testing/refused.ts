import { expect } from "vitest";

import { QueueError } from "../errors.js";

/** Expects a call to be refused with a code, and gives the error. */
export async function refused(call: Promise<unknown>, code: QueueError["code"], outcome?: QueueError["outcome"]): Promise<QueueError> {
  const error: unknown = await call.then(
    () => expect.fail(`expected ${code}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(QueueError);
  expect(error).toMatchObject({ code, ...(outcome === undefined ? {} : { outcome }) });
  return error as QueueError;
}
