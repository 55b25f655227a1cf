import { describe, expect, it } from "vitest";

import { oldCommands, oldSwitches } from "./old-commands.js";
import { newSpelling } from "./old-spelling.js";
import { allCommands, buildProgram } from "./program.js";

const commands = allCommands(buildProgram());
const known = new Set(commands.flatMap(({ name, command }) => [name.split(" ")[0]!, ...command.aliases()]));
const spelled = (line: string): string | undefined => newSpelling(line.split(" "), known)?.args.join(" ");

describe("command lines of backendjs", () => {
  it.each(oldCommands)("$old", ({ old, now, example: [before, after] }) => {
    expect(before.split(" ")[0]).toBe(old);
    const words = now.split(" ");
    const found = commands.find(({ name, command }) =>
      [name, ...command.aliases()].some((own) => own === now || (own === words[0] && command.commands.length === 0)),
    );
    expect(found, now).toBeDefined();
    const options = found!.command.options.map(({ long }) => long);
    for (const [, option] of after.matchAll(/ (--[a-z-]+)/g)) expect(options).toContain(option);
    // `-help` alone is ours as it is.
    expect(spelled(before) ?? "help").toBe(after);
  });

  it("keep settings that stand before and behind", () => {
    expect(spelled("-db-pool sqlite -db-get -table note id 1 -log-level debug")).toBe(
      "db get note --log-level debug id=1 -db-pool sqlite".replace("--log", "-log"),
    );
    expect(spelled("-shell -db-get -table note id 1")).toBe("db get note id=1");
  });

  it.each([
    ["-daemon -monitor -master -port 8080", "start --daemon -port 8080"],
    ["-master -db-create-tables", "start"],
    ["-web -port 8080", "web -port 8080"],
    ["-shell", "shell"],
    ["-daemon", "start --daemon"],
  ])("%s starts what it did", (before, after) => expect(spelled(before)).toBe(after));

  it("switches are commands here", () => {
    for (const now of Object.values(oldSwitches)) expect(known).toContain(now);
  });

  it.each([["account add --login ann"], ["-port 8080"], ["--help"], ["db get note id=1"]])("%s is left alone", (line) =>
    expect(spelled(line)).toBeUndefined(),
  );
});
