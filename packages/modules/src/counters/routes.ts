import { anyRow, endpoint, type Endpoint, nothing } from "../contract/endpoint.js";
import type { Counts, CounterService } from "./service.js";

export function counterRoutes(service: CounterService): Endpoint[] {
  const columns = { table: "bk_counter", except: ["id"] };
  return [
    endpoint({
      path: "/counter/get",
      summary: "The counters of an account: all of one's own, the public ones of another",
      who: "account",
      parameters: { id: { about: "default: the caller" } },
      reply: anyRow,
      answer: async ({ caller, values }) => (await service.get(caller, values.id)) ?? {},
    }),
    endpoint({
      path: "/counter/put",
      summary: "Replaces the caller's counters; those that are left out become 0",
      who: "account",
      changes: true,
      columns,
      reply: nothing,
      async answer({ caller, columns: counts }) {
        await service.put(caller, counts as Counts);
        return {};
      },
    }),
    endpoint({
      path: "/counter/update",
      summary: "Sets some of the caller's counters",
      who: "account",
      changes: true,
      columns,
      reply: nothing,
      async answer({ caller, columns: counts }) {
        await service.update(caller, counts as Counts);
        return {};
      },
    }),
    endpoint({
      path: "/counter/incr",
      summary: "Adds to counters; of another account 1 to public ones, which it is told of",
      who: "account",
      changes: true,
      parameters: { id: { about: "default: the caller" } },
      columns,
      reply: anyRow,
      answer: ({ caller, values, columns: counts }) => service.incr(caller, values.id ?? caller.id, counts as Counts),
    }),
  ];
}
