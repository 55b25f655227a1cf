import type { ColumnDefinitions } from "@bk/db";

import { invalid } from "../common/failures.js";
import { isClosed, listParameters } from "../common/lists.js";
import { pageReply } from "../common/pages.js";
import type { Row } from "../contract/database.js";
import { anyRow, type Call, endpoint, type Endpoint, nothing, pageOrTotalSchema } from "../contract/endpoint.js";
import type { ConnectionService, Side, WriteOptions } from "./service.js";

const which = {
  peer: { max: 255, about: "the other account" },
  id: { max: 255, about: "the same as `peer`, where that is not given" },
  type: { max: 100, about: "what kind of connection, such as `like`: letters, digits and _" },
} as const;

const how = {
  _alias: { max: 255, about: "what the caller calls the peer; default the peer's name" },
  _connected: { type: "bool", default: false, about: "reply the connection that the peer has made to the caller" },
  _publish: { type: "bool", default: true, about: "tell the peer" },
} as const;

const creation = {
  _noreference: { type: "bool", default: false, about: "do not show it to the peer" },
  _nocounter: { type: "bool", default: false, about: "do not count it" },
} as const;

const readColumns = (table: string): { table: string; except: string[] } => ({ table, except: ["id", "type", "peer"] });

/** @param columns  the columns of `bk_connection` */
export function connectionRoutes(service: ConnectionService, columns: ColumnDefinitions): Endpoint[] {
  const fixed = new Set(["id", "type", "peer", "name", "mtime"]);
  const settable = Object.keys(columns).filter(
    (name) => !fixed.has(name) && columns[name]!.secure !== true && columns[name]!.hidden !== true,
  );
  const own = { table: "bk_connection", only: settable };

  async function replyOf({ caller }: Call, peer: string, type: string, isWanted: boolean): Promise<Row> {
    return isWanted ? ((await service.connected(caller, peer, type)) ?? {}) : {};
  }

  const makes = (["add", "put"] as const).map((verb) =>
    endpoint({
      path: `/connection/${verb}`,
      summary: verb === "add" ? "Connects with another account" : "Connects with another account, or replaces the connection's columns",
      who: "account",
      changes: true,
      parameters: { ...which, ...how, ...creation },
      columns: own,
      reply: anyRow,
      async answer(call) {
        const { caller, values, columns: given } = call;
        const [peer, type] = both(values);
        await service[verb](caller, peer, type, given, {
          ...howOf(values),
          reference: values._noreference !== true,
          count: values._nocounter !== true,
        });
        return replyOf(call, peer, type, values._connected);
      },
    }),
  );

  const changes = (["update", "incr"] as const).map((verb) =>
    endpoint({
      path: `/connection/${verb}`,
      summary: verb === "update" ? "Sets columns of a connection" : "Adds to numeric columns of a connection",
      who: "account",
      changes: true,
      parameters: { ...which, ...how },
      columns: own,
      reply: anyRow,
      async answer(call) {
        const { caller, values, columns: given } = call;
        const [peer, type] = both(values);
        await service[verb](caller, peer, type, given, howOf(values));
        return replyOf(call, peer, type, values._connected);
      },
    }),
  );

  const del = endpoint({
    path: "/connection/del",
    summary: "Removes a connection, those of a type, those with a peer, or all",
    who: "account",
    changes: true,
    parameters: which,
    reply: nothing,
    async answer({ caller, values }) {
      const [peer, type] = both(values);
      await service.del(caller, { ...(peer === "" ? {} : { peer }), ...(type === "" ? {} : { type }) });
      return {};
    },
  });

  return [...makes, ...changes, del, ...readsOf(service, "connection", columns), ...readsOf(service, "reference", columns), ...refusals()];
}

function readsOf(service: ConnectionService, side: Side, columns: ColumnDefinitions): Endpoint[] {
  const isOwn = side === "connection";
  const details = { _details: { type: "bool", default: false, about: "with what everybody may know of the peers' accounts" } } as const;
  return [
    endpoint({
      path: `/${side}/get`,
      summary: isOwn ? "A connection of the caller" : "A connection that another account has made to the caller",
      who: "account",
      parameters: { ...which, ...details },
      reply: anyRow,
      answer({ caller, values }) {
        const [peer, type] = both(values);
        return service.get(caller, side, peer, type, values._details);
      },
    }),
    endpoint({
      path: `/${side}/select`,
      summary: isOwn ? "The caller's connections" : "Connections that others have made to the caller",
      who: "account",
      parameters: { ...which, ...listParameters, ...details },
      columns: readColumns(`bk_${side}`),
      filters: Object.keys(columns).filter((name) => name !== "id" && !isClosed(columns[name]!)),
      reply: pageOrTotalSchema(anyRow),
      async answer({ caller, values, filter: given }) {
        const { id } = values;
        const isNamed = id === undefined || id === "" || Object.hasOwn(given, "peer");
        const filter = isNamed ? given : { ...given, peer: id };
        if (values._total) return { count: await service.count(caller, side, filter) };
        return pageReply(await service.select(caller, side, filter, values, values._details));
      },
    }),
  ];
}

/** References follow connections. */
function refusals(): Endpoint[] {
  return ["add", "put", "update", "incr", "del"].map((verb) =>
    endpoint({
      path: `/reference/${verb}`,
      summary: "Is refused: references follow the connections that others make",
      who: "account",
      changes: true,
      parameters: which,
      reply: nothing,
      answer: () => Promise.reject(invalid("references follow connections, which are changed by /connection", "type")),
    }),
  );
}

interface Which {
  readonly peer: string | undefined;
  readonly id: string | undefined;
  readonly type: string | undefined;
}

const both = ({ peer, id, type }: Which): [peer: string, type: string] => [
  peer === undefined || peer === "" ? (id ?? "") : peer,
  type ?? "",
];

function howOf({ _alias, _publish }: { readonly _alias: string | undefined; readonly _publish: boolean }): WriteOptions {
  return { publish: _publish, ...(_alias === undefined || _alias === "" ? {} : { alias: _alias }) };
}
