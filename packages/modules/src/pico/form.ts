// An order that is a multipart form: its fields are members of the order, those of its data by their path (`data/a/b`), as are its files.

import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { invalid } from "../common/failures.js";
import type { UploadedFile } from "../contract/endpoint.js";
import { channelText, type Form, orderOf, type PicoRequest } from "./orders.js";

const mostLevels = 10;
const members: ReadonlySet<string> = new Set(["api", "reqId", "date", "key", "channel"]);
const prefix = "data/";

/** @throws BkError `invalid`, naming what is wrong */
export function readForm(
  fields: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, UploadedFile>,
): Pick<PicoRequest, "channel" | "orders"> {
  for (const name of fields.keys())
    if (!members.has(name) && !name.startsWith(prefix))
      throw invalid(`${name.slice(0, 80)} is no field of an order; its data is in ${prefix}NAME`, name);
  for (const name of files.keys())
    if (!name.startsWith(prefix)) throw invalid(`the file ${name.slice(0, 80)} is not in ${prefix}NAME`, name);
  const api = fields.get("api") ?? "";
  if (api === "") throw invalid("api is required", "api");
  const form: Form = { fields: inData(fields), files: inData(files) };
  const said = { api, reqId: valueOf(fields.get("reqId")), key: fields.get("key"), date: valueOf(fields.get("date")) };
  const text = JSON.stringify([...form.fields, ...[...form.files].map(([path, { bytes }]) => [path, sha256(bytes)])]);
  // An endpoint reads texts by itself, and gets files beside them.
  const data = api.startsWith("/") ? dataOf({ ...form, files: new Map() }, (value) => value) : dataOf(form, valueOf);
  return { channel: channelText(fields.get("channel") ?? ""), orders: [orderOf(said, 0, () => ({ data, text, oldText: text, form }))] };
}

/**
 * Does something with the data of a form whose files are on the disk meanwhile, under names that nobody could guess.
 *
 * @param act  gets `{ filename, contentType, name }` for each file: the path that it has here; type and name as the client says. It may move the file
 */
export async function withFiles<T>(form: Form, act: (data: unknown) => Promise<T>): Promise<T> {
  if (form.files.size === 0) return act(dataOf(form, valueOf));
  const folder = await mkdtemp(join(tmpdir(), "bk-pico-"));
  try {
    const paths = new Map([...form.files.keys()].map((path, i) => [path, join(folder, `${i}`)]));
    for (const [path, { bytes }] of form.files) await writeFile(paths.get(path)!, bytes, { mode: 0o600, flag: "wx" });
    return await act(dataOf(form, valueOf, (path, { name, type }) => ({ filename: paths.get(path)!, contentType: type, name })));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

function inData<T>(all: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...all].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Digits are an integer, where that is written as they are; other text is text. */
function valueOf(text: string): string | number;
function valueOf(text: string | undefined): string | number | undefined;
function valueOf(text: string | undefined): string | number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : text;
}

type Data = { [name: string]: unknown };

/** @param describe  gives what stands for a file. Default null, which is enough to see whether all have a place */
function dataOf(
  { fields, files }: Form,
  read: (text: string) => unknown,
  describe: (path: string, file: UploadedFile) => unknown = () => null,
): Data {
  const data: Data = {};
  for (const [path, text] of fields) put(data, path, read(text));
  for (const [path, file] of files) put(data, path, describe(path, file));
  return data;
}

/** @throws BkError `invalid` for a path that is none, or goes through another field */
function put(data: Data, path: string, value: unknown): void {
  const names = path.split("/");
  const field = prefix + path;
  if (names.length > mostLevels || names.some((name) => name === "" || name === "__proto__"))
    throw invalid(`${field.slice(0, 80)} is no name in data: at most ${mostLevels} names with / between them`, field);
  let at = data;
  const last = names.pop()!;
  for (const name of names) {
    if (!Object.hasOwn(at, name)) at[name] = {};
    at = at[name] as Data;
    if (typeof at !== "object" || at === null) throw invalid(`${field.slice(0, 80)} is in a field that has a value of its own`, field);
  }
  if (Object.hasOwn(at, last)) throw invalid(`${field.slice(0, 80)} is a value and has fields in it`, field);
  at[last] = value;
}
