// The types that definitions may name, and the kind that each is stored and compared as.

import type { TypeName } from "./definition.js";
import type { Kind } from "./table.js";

/** The kind of every type name. */
export const kindOfType: Readonly<Record<TypeName, Kind>> = Object.freeze({
  text: "text",
  string: "text",
  str: "text",
  keyword: "text",
  email: "text",
  url: "text",
  phone: "text",
  uuid: "text",
  tuuid: "text",
  geohash: "text",
  int: "int",
  smallint: "int",
  bigint: "int",
  counter: "int",
  now: "int",
  mtime: "int",
  ttl: "int",
  random: "int",
  int64: "int64",
  real: "real",
  float: "real",
  double: "real",
  number: "real",
  decimal: "decimal",
  numeric: "decimal",
  bool: "bool",
  boolean: "bool",
  date: "time",
  timestamp: "time",
  datetime: "time",
  json: "json",
  obj: "json",
  object: "json",
  array: "json",
  geopoint: "json",
  list: "list",
  set: "list",
  blob: "blob",
});

/** Kinds whose values may stand in a primary key. */
export const keyKinds: readonly Kind[] = ["text", "int", "int64", "time"];

/** Kinds with an order, which indexes, unique groups and sorts need. */
export const orderedKinds: readonly Kind[] = ["text", "int", "int64", "real", "decimal", "bool", "time"];

/** Kinds that hold numbers. */
export const numberKinds: readonly Kind[] = ["int", "int64", "real", "decimal"];
