import { writeFileSync } from "node:fs";
import { expect, it } from "vitest";

import { runCli, temporaryFolder } from "./run-cli.js";

const tables = {
  post: {
    $table: {
      rules: [
        { read: { author: "$account.id" }, update: { author: "$account.id", state: "draft" } },
        { to: "anonymous", read: { state: "shown" }, columns: { read: ["id", "title"] } },
      ],
    },
    id: { primary: 1 },
    author: { index: 1 },
    state: { index1: 1 },
    title: {},
  },
};

it("rules explain shows the rules of a table, and what they become for an account", async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.file("tables.json"), JSON.stringify(tables));
  const settings = ["--home", folder.path, "--tables", folder.file("tables.json")];
  const added = await runCli(["account", "add", "--login", "ann", "--secret", "s3cret", ...settings]);
  const { id } = JSON.parse(added.stdout) as { id: string };
  const nobody = await runCli(["rules", "explain", "post", ...settings]);
  expect(nobody).toMatchObject({ code: 0 });
  expect(nobody.stdout).toContain('read   {"author":"$account.id"}  columns id, author, state, title');
  expect(nobody.stdout).toContain("post for somebody without an account");
  expect(nobody.stdout).toMatch(/read {3}\{"state":"shown"\} {2}columns id, title\n/);
  expect(nobody.stdout).toContain("update nothing");
  const ann = await runCli(["rules", "explain", "post", "--login", "ann", ...settings]);
  expect(ann.stdout).toContain("post for ann");
  expect(ann.stdout).toContain(`"author":"${id}"`);
  expect(ann.stdout).toContain('"state":"draft"');
  expect(ann.stdout).not.toContain("secret");
  const wrong = await runCli(["rules", "explain", "none", ...settings]);
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no table") });
  const unknown = await runCli(["rules", "explain", "post", "--login", "eve", ...settings]);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no account") });
}, 120_000);

it("rules explain shows the rules of a module's table, and what they may say where there are none", async () => {
  using folder = temporaryFolder();
  const rules = [
    { read: { city: "Rome" }, columns: { read: ["id", "name"] } },
    { read: { id: "$account.id" }, update: { id: "$account.id" } },
  ];
  writeFileSync(folder.file("tables.json"), JSON.stringify({ ...tables, bk_account: { $table: { rules } } }));
  const common = ["--home", folder.path, "--tables", folder.file("tables.json")];
  const settings = [...common, "--modules", "accounts,files"];
  const added = await runCli(["account", "add", "--login", "ann", "--secret", "s3cret", ...common]);
  const { id } = JSON.parse(added.stdout) as { id: string };
  const ann = await runCli(["rules", "explain", "bk_account", "--login", "ann", ...settings]);
  expect(ann).toMatchObject({ code: 0 });
  expect(ann.stdout).toContain('read   {"city":"Rome"}  columns id, name\n');
  expect(ann.stdout).toContain("within what the module accounts does");
  expect(ann.stdout).toContain(`"id":"${id}"`);
  expect(ann.stdout).toContain("del    nothing");
  const file = await runCli(["rules", "explain", "bk_file", ...settings]);
  expect(file.stdout).toContain("bk_file: has no rules; the module files says by itself");
  expect(file.stdout).toContain("rules that add or update have acl_allow");
  const event = await runCli(["rules", "explain", "bk_event", ...settings]);
  expect(event.stdout).toContain("cannot have rules");
  // Without the module they are of nothing.
  const none = await runCli(["rules", "explain", "post", ...common, "--modules", "files"]);
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("bk_account: is no table of a module that runs") });
}, 120_000);
