import type { Page, Row } from "../contract/database.js";
import type { Parameter } from "../contract/endpoint.js";

/** A page as it is replied. `next_token` is empty on the last one. */
export interface PageReply {
  readonly count: number;
  readonly data: readonly Row[];
  readonly next_token: string;
}

export function pageReply({ rows, next }: Page, show: (row: Row) => Row = (row) => row): PageReply {
  return { count: rows.length, data: rows.map(show), next_token: next ?? "" };
}

/** The parameters of every endpoint that replies a page. */
export const pageParameters = {
  _count: { type: "int", min: 1, max: 1000, default: 50, about: "rows of a page" },
  _start: { max: 4000, about: "`next_token` of the page before" },
} as const satisfies Record<string, Parameter>;

/** These parameters as options of a select. */
export function pageOptions({ _count, _start }: { readonly _count: number; readonly _start: string | undefined }): {
  count: number;
  start?: string;
} {
  return { count: _count, ...(_start === undefined || _start === "" ? {} : { start: _start }) };
}
