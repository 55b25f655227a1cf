// Pages that are made of a template and data, by whatever engine the app has.

import { extname, join } from "node:path";

import { BkError } from "@bk/core";

import { filePlace, namesOf, realFolder } from "./file-path.js";

export interface ViewOptions {
  /** The folder with the templates. */
  readonly dir: string;
  /** Makes a page: `(file, data) => ejs.renderFile(file, data)`. It escapes what it puts in. */
  readonly engine: (file: string, data: Readonly<Record<string, unknown>>) => string | Promise<string>;
  /** The ending of templates that are named without one; default `html`. */
  readonly ending?: string | undefined;
}

/**
 * Gives a page, as a reply.
 *
 * @param name  of the template below the folder, such as `account/welcome`
 * @throws BkError `not-found` where there is none, or one that is not below the folder; what the engine throws
 */
export type View = (name: string, data?: Readonly<Record<string, unknown>>) => Promise<Response>;

/** @throws BkError `invalid` for a folder that is not there */
export function views(options: ViewOptions | undefined): View {
  if (options === undefined)
    return async () => {
      throw new BkError("unsupported", "the server has no views; give createServer views: { dir, engine }");
    };
  const { dir, engine, ending = "html" } = options;
  const root = realFolder(dir, "views");
  return async (name, data = {}) => {
    const names = namesOf(`/${encodeURI(extname(name) === "" ? `${name}.${ending}` : name)}`);
    const found = names === undefined || names.at(-1) === "" ? undefined : await filePlace(root, join(root, ...names));
    if (found === undefined) throw new BkError("not-found", `there is no view ${JSON.stringify(name.slice(0, 80))}`);
    const headers = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "x-content-type-options": "nosniff" };
    return new Response(await engine(found.place, data), { headers });
  };
}
