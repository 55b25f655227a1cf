// Settings from the table bk_config, which a fleet shares.

import { decryptSecret, encryptSecret, type MasterKey } from "@bk/auth";
import type { Db, TableDefinitions } from "@bk/db";

import { compareVersions, parseVersion } from "../request/version.js";
import type { Given } from "./config-text.js";
import type { Facts } from "./facts.js";

/** One row for a setting and whom it is for. */
export const configTable = {
  bk_config: {
    /** Whom it is for: `MODE`, `APP`, `MODE-TAG`, …; see `configTypes`. */
    type: { primary: 1, maxLength: 200 },
    name: { primary: 2, maxLength: 100 },
    value: {},
    /** Only rows that say `ok` count. */
    status: { value: "ok" },
    /** Versions of the app that it is for, such as `>=1.2,<2`. */
    version: {},
    /** From and until when it holds. */
    stime: { type: "timestamp" },
    etime: { type: "timestamp" },
    mtime: { type: "mtime" },
  },
} as const satisfies TableDefinitions;

export interface ConfigRow {
  readonly type: string;
  readonly name: string;
  readonly value: string | null;
  readonly status: string | null;
  readonly version: string | null;
  readonly stime: Date | null;
  readonly etime: Date | null;
}

/** The types whose rows hold for a process, from the broadest to the most particular. */
export function configTypes({ role, own: { mode = "", app = "", tag, region, zone } }: Pick<Facts, "role" | "own">): string[] {
  const kinds = ["all", mode, app, `${mode}-${app}`];
  if (tag !== undefined) kinds.push(`${mode}-${tag}`, `${mode}-${app}-${tag}`);
  kinds.push(`${mode}-${role}`, `${mode}-${app}-${role}`);
  const places = [region, zone].filter((place) => place !== undefined);
  return [...new Set(kinds.flatMap((kind) => [kind, ...places.map((place) => `${kind}-${place}`)]).filter((kind) => kind !== ""))];
}

/** The rows of a fleet, read and written. */
export class ConfigRows {
  readonly #db: Db<typeof configTable>;
  readonly #masterKey: () => MasterKey;

  constructor(db: Db, masterKey: () => MasterKey) {
    this.#db = db as unknown as Db<typeof configTable>;
    this.#masterKey = masterKey;
  }

  /** What holds now for a process; the most particular row comes last. Secrets are decrypted. */
  async given(facts: Facts, now: number): Promise<Given[]> {
    const given: Given[] = [];
    for (const rows of await Promise.all(configTypes(facts).map((type) => this.list(type)))) {
      for (const row of rows) {
        if (row.status !== "ok" || row.value === null || !holds(row, facts.version, now)) continue;
        given.push({ name: row.name, text: this.#plain(row.name, row.value), role: undefined, where: `bk_config ${row.type}` });
      }
    }
    return given;
  }

  async list(type: string): Promise<readonly ConfigRow[]> {
    const rows: ConfigRow[] = [];
    for await (const row of this.#db.scan("bk_config", { type })) rows.push(row as ConfigRow);
    return rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async put(row: Pick<ConfigRow, "type" | "name"> & { readonly value: string } & Partial<ConfigRow>, isSecret: boolean): Promise<void> {
    const value = isSecret ? `${mark}${encryptSecret(row.value, { ...place(row.name), masterKey: this.#masterKey() })}` : row.value;
    await this.#db.put("bk_config", { ...row, value } as never);
  }

  async del(type: string, name: string): Promise<boolean> {
    return (await this.#db.del("bk_config", { type, name })).affected === 1;
  }

  #plain(name: string, value: string): string {
    if (!value.startsWith(mark)) return value;
    return decryptSecret(value.slice(mark.length), { ...place(name), masterKey: this.#masterKey() }).secret;
  }
}

/** What encrypted values begin with. */
const mark = "enc:";

/** One that is copied to another setting cannot be read there. */
const place = (name: string): { readonly login: string; readonly column: string } => ({ login: name, column: "bk_config" });

function holds({ version, stime, etime }: ConfigRow, own: string, now: number): boolean {
  if (stime !== null && stime.getTime() > now) return false;
  if (etime !== null && etime.getTime() <= now) return false;
  const running = parseVersion(own);
  return version === null || running === undefined || version.split(",").every((condition) => meets(condition.trim(), running));
}

function meets(condition: string, running: NonNullable<ReturnType<typeof parseVersion>>): boolean {
  const [, operator = "=", text = ""] = /^(>=|<=|>|<|=)?\s*(.*)$/.exec(condition) ?? [];
  const wanted = parseVersion(text);
  if (wanted === undefined) return false;
  const order = compareVersions(running, wanted);
  return { ">": order > 0, "<": order < 0, ">=": order >= 0, "<=": order <= 0, "=": order === 0 }[operator as ">"];
}
