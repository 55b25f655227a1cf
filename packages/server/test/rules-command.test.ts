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
