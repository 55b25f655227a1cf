import type { ColumnDefinitions } from "@bk/db";

import { anyRow, endpoint, type Endpoint, nothing, type Schema } from "../contract/endpoint.js";
import type { StatusService } from "./service.js";

const oneOrMany: Schema = { oneOf: [anyRow, { type: "array", items: anyRow }] };

/** @param columns  the columns of `bk_status` */
export function statusRoutes(service: StatusService, columns: ColumnDefinitions): Endpoint[] {
  const fixed = new Set(["id", "name", "status", "atime", "mtime"]);
  const settable = Object.keys(columns).filter((name) => !fixed.has(name));
  return [
    endpoint({
      path: "/status/put",
      summary: "Says what the caller is doing, and that it is there",
      who: "account",
      changes: true,
      parameters: {
        status: { required: true, min: 1, max: 32, about: "such as `online` or `busy`; with `offline` the caller is not there" },
        _check: { type: "bool", default: false, about: "only say that the caller is there: nothing is written while the row is fresh" },
        _publish: { type: "bool", default: false, about: "tell those who have connected to the caller" },
      },
      columns: { table: "bk_status", only: settable },
      reply: anyRow,
      answer: ({ caller, values, columns: given }) =>
        service.put(caller, values.status, given, { isCheck: values._check, publish: values._publish }),
    }),
    endpoint({
      path: "/status/get",
      summary: "What an account is doing, and whether it is there; a list of ids gives a list",
      who: "account",
      parameters: { id: { type: "list", max: 100, about: "default: the caller" } },
      reply: oneOrMany,
      async answer({ caller, values }) {
        const { id = [] } = values;
        const rows = await service.list(caller, id.length === 0 ? [caller.id] : id);
        return id.length > 1 ? rows : rows[0];
      },
    }),
    endpoint({
      path: "/status/del",
      summary: "Removes the caller's status",
      who: "account",
      changes: true,
      reply: nothing,
      async answer({ caller }) {
        await service.del(caller);
        return {};
      },
    }),
  ];
}
