import { inspect } from "node:util";

/** Answers the orders of the process that started this one. */
export function answerOrders<Order>(carryOut: (order: Order) => Promise<unknown>): void {
  process.on("message", (order: Order) => {
    carryOut(order).then(
      (result) => process.send!({ result }),
      (error: unknown) => process.send!({ error: inspect(error) }),
    );
  });
}
