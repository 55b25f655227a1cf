import { describe, expect, it } from "vitest";
import { classifySqlite, isBusy, isThereAlready, withResultCode } from "./errors.js";

/** As Deno's client gives them: without a result code. */
const withoutCode = (message: string): Error => Object.assign(new Error(message), { code: "ERR_SQLITE_ERROR" });
const key = (): string[] => ["owner", "id"];

describe("errors of a client that gives messages alone", () => {
  it.each([
    ["UNIQUE constraint failed: note.owner, note.id", "already-exists", undefined],
    ["UNIQUE constraint failed: note.id, note.owner", "already-exists", "id_owner"],
    ["UNIQUE constraint failed: note.email", "already-exists", "email"],
  ])("%s: %s, unique group %s", (message, code, unique) => {
    const classified = classifySqlite(withResultCode(withoutCode(message), key));
    expect(classified).toMatchObject({ code, outcome: "none" });
    expect(classified?.detail?.["unique"]).toBe(unique);
  });

  it.each([
    ["NOT NULL constraint failed: note.n", "drift"],
    ["cannot store TEXT value in INTEGER column note.n", "drift"],
    ["datatype mismatch", "drift"],
    ["CHECK constraint failed: n > 0", "invalid"],
    ["database is locked", "limited"],
    ["database or disk is full", "unavailable"],
    ["attempt to write a readonly database", "denied"],
    ["file is not a database", "internal"],
    ["no such table: note in SELECT 1 FROM note at offset 14", "drift"],
    ["something new", "internal"],
  ])("%s: %s", (message, code) => expect(classifySqlite(withResultCode(withoutCode(message), key))?.code).toBe(code));

  it("know a lock, and what is there already with the statement after it", () => {
    expect(isBusy(withoutCode("database is locked"))).toBe(true);
    expect(isThereAlready(withoutCode("table note already exists in CREATE TABLE note at offset 13"))).toBe(true);
    expect(isThereAlready(withoutCode("no such table: note"))).toBe(false);
  });
});

describe("errors with a result code", () => {
  it("are left as they are", () => {
    const error = Object.assign(withoutCode("UNIQUE constraint failed: note.email"), { errcode: 2067 });
    const unread = (): never => {
      throw new Error("the table is not looked at");
    };
    expect(withResultCode(error, unread)).toBe(error);
    expect(classifySqlite(error)).toMatchObject({ code: "already-exists", detail: { unique: "email" } });
  });
});
