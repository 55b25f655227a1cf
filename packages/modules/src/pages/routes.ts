import { invalid } from "../common/failures.js";
import { pageOptions, pageParameters } from "../common/pages.js";
import { anyRow, endpoint, type Endpoint, nothing, pageSchema, type Parameters, type Who } from "../contract/endpoint.js";
import { mainPage, type PageService } from "./service.js";
import { longestContent } from "./tables.js";

const pattern = /[A-Za-z0-9][A-Za-z0-9_.-]{0,63}/;
const page = { pattern, about: "the page; in the path as well" } as const;
const render = { type: "bool", default: false, about: "HTML in place of Markdown, and the table of contents in `toc`" } as const;
const kept = ["id", "userid", "version", "mtime", "book", "content"];

/** @param filesFor  who may read files */
export function pageRoutes(service: PageService, filesFor: Who): Endpoint[] {
  return [
    ...withId("/pages/get", {
      summary: "A page; without an id the main one",
      who: "anonymous",
      parameters: { id: page, _render: render },
      reply: anyRow,
      answer: ({ caller, values, rest }) => service.get(caller, idOf(values, rest) ?? mainPage, values._render),
    }),
    endpoint({
      path: "/pages/select",
      summary: "A page of the pages whose columns are as given, the last that was written first, without their content",
      who: "anonymous",
      parameters: pageParameters,
      columns: { table: "bk_pages", except: ["book", "content", "mtime", "version"] },
      reply: pageSchema(anyRow),
      answer: ({ caller, values, columns }) => service.select(caller, columns, pageOptions(values)),
    }),
    endpoint({
      path: "/pages/search",
      summary: "A page of the pages that have all of the words, without their content; `-word` leaves pages with it out",
      who: "anonymous",
      parameters: { q: { required: true, min: 1, max: 1000, about: "the words" }, ...pageParameters },
      reply: pageSchema(anyRow),
      answer: ({ caller, values }) => service.search(caller, values.q, pageOptions(values)),
    }),
    ...withId("/pages/put", {
      summary: "Writes a page: a new one, or what is given of one of the caller's own; editors and admins write all",
      who: "account",
      changes: true,
      parameters: {
        id: { ...page, about: "the page; in the path as well; default: a new one" },
        content: { max: longestContent, about: "Markdown; a new page needs it, or a link" },
        version: {
          type: "int",
          min: 0,
          about: "the version that is changed: 409 where it is another one by now; 0: where there is no page yet",
        },
      },
      columns: { table: "bk_pages", except: kept },
      reply: anyRow,
      answer({ caller, values, columns, rest }) {
        const content = values.content === undefined ? {} : { content: values.content };
        return service.put(caller, idOf(values, rest), { ...columns, ...content }, values.version);
      },
    }),
    ...withId("/pages/del", {
      summary: "Deletes a page and its versions",
      who: "account",
      changes: true,
      parameters: { id: page },
      reply: nothing,
      async answer({ caller, values, rest }) {
        await service.del(caller, required(idOf(values, rest)));
        return {};
      },
    }),
    ...withId("/pages/history", {
      summary: "The versions of a page, the last one first; with `version` that one with its content",
      who: "account",
      parameters: { id: page, version: { type: "int", min: 1 }, _render: render, ...pageParameters },
      reply: anyRow,
      answer({ caller, values, rest }) {
        const id = idOf(values, rest) ?? mainPage;
        const { version } = values;
        if (version !== undefined) return service.version(caller, id, version, values._render);
        return service.history(caller, id, pageOptions(values));
      },
    }),
    ...withId("/pages/revert", {
      summary: "Writes what a version says again, as a new one",
      who: "account",
      changes: true,
      parameters: { id: page, version: { type: "int", min: 1, required: true } },
      reply: anyRow,
      answer: ({ caller, values, rest }) => service.revert(caller, required(idOf(values, rest)), values.version),
    }),
    ...withId("/pages/show", {
      summary: "A page as an HTML document; without an id the main one",
      who: "anonymous",
      parameters: { id: page },
      reply: "text/html",
      answer: ({ caller, values, rest }) => service.show(caller, idOf(values, rest) ?? mainPage),
    }),
    endpoint({
      path: "/pages/file/*",
      summary: "A Markdown file of the server's folder as an HTML document",
      who: filesFor,
      parameters: { _raw: { type: "bool", default: false, about: "the text as it is" } },
      reply: "text/html",
      answer: ({ values, rest }) => service.file(rest, values._raw),
    }),
  ];
}

/** The endpoint twice: with the id as a parameter, and in the path. */
function withId<const P extends Parameters>(path: string, definition: Omit<Endpoint<P>, "path"> & { readonly parameters: P }): Endpoint[] {
  const { id: _id, ...others } = definition.parameters;
  const inQuery = endpoint<P>({ ...definition, path });
  return [inQuery, { ...inQuery, path: `${path}/*`, parameters: others }];
}

const whole = new RegExp(`^(?:${pattern.source})$`);

function idOf(values: { readonly id: string | undefined }, rest: string): string | undefined {
  if (rest === "") return values.id;
  if (!whole.test(rest)) throw invalid("id has characters or a form that it must not have", "id");
  return rest;
}

function required(id: string | undefined): string {
  if (id === undefined) throw invalid("id is required", "id");
  return id;
}
