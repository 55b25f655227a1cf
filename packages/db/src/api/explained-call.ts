/** The calls that `explain` explains. */
export type ExplainedCall =
  | "get"
  | "list"
  | "select"
  | "search"
  | "near"
  | "count"
  | "aggregate"
  | "add"
  | "put"
  | "update"
  | "incr"
  | "del"
  | "updateAll"
  | "delAll";
