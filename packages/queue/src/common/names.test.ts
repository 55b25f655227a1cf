import { expect, it } from "vitest";
import { checkName } from "./names.js";

it("names have letters, digits, underscores, dashes and dots", () => {
  for (const name of ["a", "mail.send_2-x", "9", "x".repeat(200)]) checkName(name, "the name");
  for (const name of ["", "_a", "a b", "a:b", "{a}", "a/b", "é", "x".repeat(201), 1, undefined])
    expect(() => checkName(name, "the name of a queue")).toThrow(expect.objectContaining({ code: "invalid" }));
});
