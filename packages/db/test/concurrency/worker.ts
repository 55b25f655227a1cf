// One of the processes: opens the database, then does the tasks that its parent names.

import { openAny } from "../fixtures.js";
import { tables } from "./tables.js";
import { type Task, tasks, type TaskName } from "./tasks.js";

/** What the parent sends. */
export type Order =
  | { readonly url: string; readonly options?: Readonly<Record<string, unknown>>; readonly me: number }
  | { readonly task: TaskName };
/** What it gets back for each order. */
export type Answer = { readonly result: unknown } | { readonly error: string };

let db: Awaited<ReturnType<typeof openAny>> | undefined;
let me = 0;

async function follow(order: Order): Promise<unknown> {
  if ("task" in order) return (tasks[order.task] as Task)(db!, me);
  me = order.me;
  db = await openAny({ url: order.url, ...(order.options === undefined ? {} : { options: order.options }), tables });
  // The connection is there before the race begins.
  await db.get("counter", "warm");
  return undefined;
}

process.on("message", (order: Order) => {
  void follow(order).then(
    (result) => process.send!({ result } satisfies Answer),
    (error: unknown) =>
      process.send!({
        error:
          error instanceof Error
            ? `${error.stack ?? error.message}${error.cause instanceof Error ? `\ncause: ${error.cause.message}` : ""}`
            : String(error),
      } satisfies Answer),
  );
});
process.on("disconnect", () => void db?.close().finally(() => process.exit(0)));
