import type { ColumnDefinitions } from "@bk/db";

import { bytesHeaders, hasSame } from "../common/bytes-reply.js";
import { denied, invalid, notFound } from "../common/failures.js";
import { listParameters } from "../common/lists.js";
import { pageReply } from "../common/pages.js";
import type { Row } from "../contract/database.js";
import { anyRow, type Call, endpoint, type Endpoint, nothing, pageOrTotalSchema, type Schema } from "../contract/endpoint.js";
import type { Box, MessageService, Taking } from "./service.js";
import type { MessageTables } from "./tables.js";

const inboxKeys = {
  sender: { max: 255, about: "who has sent it" },
  mtime: { type: "int", about: "when it was received, in milliseconds since 1970" },
} as const;

const sentKeys = {
  recipient: { max: 255, about: "who has received it" },
  id: { max: 255, about: "the same as `recipient`, where that is not given" },
  mtime: inboxKeys.mtime,
} as const;

const keys = ["sender", "mtime"];
const sentBy = ["recipient", "mtime"];

const many = {
  _ops: listParameters._ops,
  _all: { type: "bool", default: false, about: "all messages, where nothing says which" },
} as const;

const details = { _details: { type: "bool", default: false, about: "with what everybody may know of the other accounts" } } as const;
const count: Schema = { type: "object", required: ["count"], properties: { count: { type: "integer" } } };
const sentList: Schema = {
  type: "array",
  items: {
    type: "object",
    required: ["id"],
    properties: { id: { type: "string" }, mtime: { type: "integer" }, sender: { type: "string" }, error: { type: "string" } },
  },
};
const mostImageBytes = 10 * 1024 * 1024;
const account = { who: "account", changes: true } as const;

export function messageRoutes(service: MessageService, tables: MessageTables): Endpoint[] {
  const custom = customOf(tables.bk_message);
  return [
    imageOf(service),
    ...sending(service, custom),
    ...reading(service, custom),
    ...changing(service, custom),
    ...sentOnes(service, custom),
  ];
}

/** Columns of the app. */
function customOf(columns: ColumnDefinitions): string[] {
  const known = new Set(["id", "box", "mtime", "sender", "name", "msg", "icon", "icon_type", "flags", "ctime", "token", "read", "moved"]);
  return Object.keys(columns).filter((name) => !known.has(name) && columns[name]!.secure !== true && columns[name]!.hidden !== true);
}

function sending(service: MessageService, custom: readonly string[]): Endpoint[] {
  return [
    endpoint({
      path: "/message/add",
      summary: "Sends a message to one or several accounts; replies when each has received it",
      ...account,
      parameters: {
        id: { type: "list", max: 50, about: "the recipients" },
        msg: { max: 65_536, about: "at most 64 KiB" },
        icon: { type: "bytes", max: mostImageBytes, about: "an image: base64, or a file of a form" },
        _nosent: { type: "bool", default: false, about: "keep no copy" },
        _publish: { type: "bool", default: true, about: "tell the recipients" },
        _nocounter: { type: "bool", default: false, about: "do not count it" },
      },
      columns: { table: "bk_message", only: custom },
      // Base64 in JSON is a third longer.
      maxBodyBytes: Math.ceil(mostImageBytes * 1.4) + 128 * 1024,
      reply: sentList,
      answer: ({ caller, values, columns, files, signal }) =>
        service.add(
          caller,
          values.id ?? [],
          {
            ...(values.msg === undefined ? {} : { msg: values.msg }),
            ...(values.icon === undefined ? {} : { icon: { bytes: values.icon, claimed: files.get("icon") } }),
            columns,
          },
          { keep: !values._nosent, publish: values._publish, count: !values._nocounter, signal },
        ),
    }),
  ];
}

/** The image of a message, as bytes. */
function imageOf(service: MessageService): Endpoint {
  return endpoint({
    path: "/message/image",
    summary: "The image of a message that the caller has received or sent",
    who: "account",
    parameters: {
      sender: { ...inboxKeys.sender, required: true },
      mtime: { ...inboxKeys.mtime, required: true },
      recipient: { max: 255, about: "who has received it, of a message that the caller has sent" },
      _archive: { type: "bool", default: false, about: "of a message in the archive" },
    },
    reply: "image/*",
    async answer({ caller, values, headers, method, signal }) {
      if (method !== "GET" && method !== "HEAD") throw invalid("this is asked by GET", "method");
      const { sender, mtime, recipient, _archive: isArchived } = values;
      const image = await service.image(caller, { sender, mtime, recipient, isArchived });
      const own = bytesHeaders(image.type, image.etag, "private, no-cache");
      if (hasSame(headers, image.etag)) return new Response(null, { status: 304, headers: own });
      const body = method === "HEAD" ? null : await image.read(signal);
      if (body === undefined) throw notFound("not found");
      return new Response(body, { headers: own });
    },
  });
}

function reading(service: MessageService, custom: readonly string[]): Endpoint[] {
  const columns = { table: "bk_message", only: ["read", "msg", "name", ...custom] };
  const filters = [...keys, ...columns.only];
  const parameters = {
    ...inboxKeys,
    ...listParameters,
    ...details,
    q: { max: 200, about: "what the message contains, in any case" },
  } as const;
  return [
    endpoint({
      path: "/message/get",
      summary: "Messages in the inbox, which may be moved to the archive or removed as they are read",
      who: "account",
      parameters: {
        ...parameters,
        _archive: { type: "bool", default: false, about: "move them to the archive" },
        _trash: { type: "bool", default: false, about: "remove them" },
      },
      columns,
      filters,
      reply: pageOrTotalSchema(anyRow),
      async answer(call) {
        const { caller, values, filter: given } = call;
        const take: Taking | undefined = values._archive ? "archive" : values._trash ? "trash" : undefined;
        if (take !== undefined) refuseBrowsersGet(call);
        const filter = containing(values.q, given);
        if (values._total && take === undefined) return { count: await service.count(caller, "inbox", filter) };
        const page = await service.list(caller, "inbox", filter, values, {
          ...(take === undefined ? {} : { take }),
          details: values._details,
        });
        return values._total ? { count: page.rows.length } : pageReply(page);
      },
    }),
    endpoint({
      path: "/message/get/unread",
      summary: "How many messages of the inbox have not been read",
      who: "account",
      reply: count,
      answer: async ({ caller }) => ({ count: await service.unread(caller) }),
    }),
    endpoint({
      path: "/message/get/archive",
      summary: "Messages in the archive; those after `mtime`, unless `_ops` says otherwise",
      who: "account",
      parameters,
      columns,
      filters,
      reply: pageOrTotalSchema(anyRow),
      async answer({ caller, values, filter: given }) {
        const filter = containing(values.q, newer(given));
        if (values._total) return { count: await service.count(caller, "archive", filter) };
        return pageReply(await service.list(caller, "archive", filter, values, { details: values._details }));
      },
    }),
  ];
}

function changing(service: MessageService, custom: readonly string[]): Endpoint[] {
  const parameters = { ...inboxKeys, ...many } as const;
  const byKey = { columns: { table: "bk_message", only: [] }, filters: keys };
  const updates = (["inbox", "archive"] as const).map((box: Box) =>
    endpoint({
      path: box === "inbox" ? "/message/update" : "/message/update/archive",
      summary: `Sets read, flags and columns of the app of messages in the ${box}`,
      ...account,
      parameters,
      columns: { table: "bk_message", only: ["read", "flags", ...custom] },
      filters: keys,
      reply: nothing,
      async answer({ caller, values, filter, columns }) {
        const changed = await service.update(caller, box, whichOf(filter, values._all), columns);
        if (changed === 0 && isOne(filter)) throw notFound("not found");
        return {};
      },
    }),
  );
  const removals = (["inbox", "archive"] as const).map((box: Box) =>
    endpoint({
      path: box === "inbox" ? "/message/del" : "/message/del/archive",
      summary: `Removes messages of the ${box}`,
      ...account,
      parameters,
      ...byKey,
      reply: nothing,
      async answer({ caller, values, filter }) {
        await service.del(caller, box, whichOf(filter, values._all));
        return {};
      },
    }),
  );
  return [
    endpoint({
      path: "/message/read",
      summary: "Marks messages of the inbox as read; replies how many were not",
      ...account,
      parameters,
      ...byKey,
      reply: count,
      answer: async ({ caller, values, filter }) => ({ count: await service.read(caller, whichOf(filter, values._all)) }),
    }),
    endpoint({
      path: "/message/archive",
      summary: "Moves messages of the inbox to the archive; replies how many",
      ...account,
      parameters,
      ...byKey,
      reply: count,
      async answer({ caller, values, filter }) {
        const moved = await service.archive(caller, whichOf(filter, values._all));
        if (moved === 0 && isOne(filter)) throw notFound("not found");
        return { count: moved };
      },
    }),
    ...updates,
    ...removals,
  ];
}

function sentOnes(service: MessageService, custom: readonly string[]): Endpoint[] {
  return [
    endpoint({
      path: "/message/get/sent",
      summary: "Messages that the caller has sent; those after `mtime`, unless `_ops` says otherwise",
      who: "account",
      parameters: { ...sentKeys, ...listParameters, ...details },
      columns: { table: "bk_sent", only: ["msg", "name", ...custom] },
      filters: [...sentBy, "msg", "name", ...custom],
      reply: pageOrTotalSchema(anyRow),
      async answer({ caller, values, filter: given }) {
        const filter = newer(sentTo(given, values.id));
        if (values._total) return { count: await service.countSent(caller, filter) };
        return pageReply(await service.sent(caller, filter, values, values._details));
      },
    }),
    endpoint({
      path: "/message/del/sent",
      summary: "Removes messages that the caller has sent from what the caller has",
      ...account,
      parameters: { ...sentKeys, ...many },
      columns: { table: "bk_sent", only: [] },
      filters: sentBy,
      reply: nothing,
      async answer({ caller, values, filter: given }) {
        const filter = sentTo(given, values.id);
        refuseAll(filter, values._all, "recipient");
        await service.delSent(caller, filter);
        return {};
      },
    }),
  ];
}

/** What a browser sends by itself with a cookie changes nothing. */
function refuseBrowsersGet({ source, method }: Call): void {
  if (source === "session" && (method === "GET" || method === "HEAD"))
    throw denied("_archive and _trash change something: with a session they need a method that is not GET");
}

/** `id` stands for the recipient, where that is not given. */
const sentTo = (filter: Row, id: string | undefined): Row =>
  id === undefined || id === "" || Object.hasOwn(filter, "recipient") ? filter : { ...filter, recipient: id };

/** Which messages are meant: nobody changes all of them without saying so. */
function whichOf(filter: Row, isAll: boolean): Row {
  refuseAll(filter, isAll, "sender");
  return filter;
}

function refuseAll(filter: Row, isAll: boolean, field: string): void {
  if (Object.keys(filter).length === 0 && !isAll) throw invalid(`${field} or mtime is required, or _all=1 for all messages`, field);
}

/** Whether one message alone is meant. */
const isOne = ({ mtime }: Row): boolean => typeof mtime === "number";

/** Messages after `mtime`, where nothing else is said of it. */
const newer = ({ mtime, ...filter }: Row): Row =>
  mtime === undefined ? filter : { ...filter, mtime: typeof mtime === "number" ? { $gt: mtime } : mtime };

/** A filter for what the text of a message contains, whatever case it is in. */
function containing(text: string | undefined, filter: Row): Row {
  if (text === undefined || text === "") return filter;
  if (Object.hasOwn(filter, "msg")) throw invalid("give q or msg", "q");
  return { ...filter, msg: { $ilike: `%${text.replaceAll(/[\\%_]/g, "\\$&")}%` } };
}
