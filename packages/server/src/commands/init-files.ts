// The app that `bk-server init` begins: its files by path.

import { version } from "../version.js";

/** Apart from the texts that have them: they are no import and no export of this file. */
const [server, exported] = ["@bk/server", "export default"];

/** @param name  of the app, as npm takes it */
export function initFiles(name: string): Readonly<Record<string, string>> {
  return {
    "package.json": `${JSON.stringify(
      {
        name,
        version: "0.1.0",
        private: true,
        type: "module",
        scripts: {
          build: "tsc",
          dev: "node --import tsx node_modules/@bk/server/dist/cli.js dev --tables src/tables.ts --modules-path src/modules",
          start: "npm run build && bk-server",
          test: "npm run build && node --test dist/test/",
        },
        dependencies: {
          "@bk/auth": `^${version}`,
          "@bk/db": `^${version}`,
          "@bk/modules": `^${version}`,
          "@bk/server": `^${version}`,
          "better-sqlite3": "^12.0.0",
        },
        devDependencies: { "@types/node": "^20.19.0", tsx: "^4.20.0", typescript: ">=5.9" },
        engines: { node: ">=20.19" },
      },
      undefined,
      2,
    )}\n`,
    "tsconfig.json": `${JSON.stringify(
      {
        compilerOptions: {
          target: "ES2022",
          lib: ["ES2023"],
          types: ["node"],
          module: "NodeNext",
          rootDir: ".",
          outDir: "dist",
          strict: true,
          noUncheckedIndexedAccess: true,
          verbatimModuleSyntax: true,
          skipLibCheck: true,
        },
        include: ["src", "test"],
      },
      undefined,
      2,
    )}\n`,
    ".gitignore": "node_modules/\ndist/\nvar/\n/etc/config.local\n",
    ".dockerignore": ".git/\nnode_modules/\ndist/\nvar/\n/etc/config.local\n",
    "etc/config": `# What npx bk-server --help lists, one name=value a line. Compiled, as npm run build leaves it:
tables=dist/src/tables.js
modules-path=dist/src/modules
modules=accounts
`,
    "README.md": `# ${name}

\`\`\`sh
npm install
npm test
npm run dev      # http://127.0.0.1:8000, SQLite in var/; what is saved is served at once
npm start        # the same, compiled, as it runs in production
\`\`\`

- \`src/tables.ts\`: the tables, served at /data by the rules that stand beside them
- \`src/modules/\`: modules with endpoints of their own, each in a file named like it
- \`etc/config\`: settings; \`npx bk-server config list\` shows all there are
- \`test/\`: what must hold, against a database in memory

An account to sign requests with: \`npx bk-server account add --login me\`.
\`npx bk-server request POST /data/add/note --login me --body '{"text":"hello"}'\` signs one.

\`npx bk-server gen docker > Dockerfile\` makes an image of it; \`gen systemd\`, \`compose\` and \`k8s\` begin what runs it.
`,
    ".github/workflows/ci.yml": `name: ci
on: [push, pull_request]
jobs:
  test:
    runs-on: ubuntu-latest
    strategy:
      matrix: { node: [20, 22, 24] }
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: { node-version: "\${{ matrix.node }}", cache: npm }
      - run: npm ci
      - run: npm test
`,
    "src/tables.ts": `import { defineTables, table } from "@bk/db";

export const tables = defineTables({
  // Each account has its own notes; others see what is public of them.
  note: table(
    {
      id: { type: "uuid", primary: 1 },
      owner: { index: 1 },
      text: { notEmpty: true, pub: true },
      stars: { type: "int", value: 0, pub: true },
      mtime: { type: "now", pub: true },
    },
    { owner: "owner" },
  ),
});
`,
    "src/modules/thanks.ts": `import { defineModule, endpoint } from "@bk/modules";

/** Accounts thank each other: once for each pair, counted for whoever is thanked. */
${exported} defineModule({
  name: "thanks",
  tables: { thanks: { to: { primary: 1 }, from: { primary: 2, index: 1 }, mtime: { type: "now" } } },
  start: ({ db }) => ({
    endpoints: [
      endpoint({
        path: "/thanks/add",
        summary: "Thanks an account",
        who: "account",
        changes: true,
        parameters: { to: { required: true, max: 100, about: "the id of the account" } },
        reply: { type: "object", properties: { count: { type: "integer" } } },
        async answer({ caller, values: { to } }) {
          await db.put("thanks", { to, from: caller.id });
          return { count: await db.count("thanks", { to }) };
        },
      }),
    ],
    // An account that goes takes along what it gave and got.
    async forget(id) {
      await db.delAll("thanks", { to: id });
      await db.delAll("thanks", { from: id });
    },
  }),
});
`,
    "test/app.test.ts": `import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { addAccount, signRequest } from "@bk/auth";
import { accounts } from "@bk/modules";
import { type BkServer, createServer } from "${server}";

import thanks from "../src/modules/thanks.js";
import { tables } from "../src/tables.js";

const masterKey = "a key for tests, of 32 characters";
let app: BkServer;
const ids: Record<string, string> = {};

before(async () => {
  app = await createServer({ db: "memory:", tables, modules: [accounts(), thanks], masterKey });
  for (const login of ["ann", "ben"]) ids[login] = (await addAccount(app.db, { login, secret: \`secret of \${login}\` }, { masterKey })).id;
});
after(() => app.close());

/** Sends a signed request, as a client would. */
async function call(login: string, path: string, json: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const url = \`http://localhost\${path}\`;
  const [method, body, contentType] = ["POST", JSON.stringify(json), "application/json"];
  const signed = await signRequest({ method, url, body, contentType, login, secret: \`secret of \${login}\` });
  const headers = { host: "localhost", "content-type": contentType, ...signed };
  const reply = await app.app.fetch(new Request(url, { method, headers, body }));
  return { status: reply.status, body: (await reply.json()) as Record<string, unknown> };
}

test("accounts write notes of their own", async () => {
  const { status, body } = await call("ann", "/data/add/note", { text: "hello", _returning: "new" });
  assert.equal(status, 200);
  const { id } = body["row"] as { id: string };
  assert.equal((await call("ben", "/data/update/note", { id, text: "mine" })).status, 403);
  assert.equal((await call("ann", "/data/update/note", { id, text: "hello again" })).status, 200);
});

test("a note without a text is refused", async () => {
  const { status, body } = await call("ann", "/data/add/note", { stars: 5 });
  assert.deepEqual([status, body["field"]], [400, "text"]);
});

test("thanks are counted once for each account", async () => {
  assert.deepEqual((await call("ann", "/thanks/add", { to: ids["ben"] })).body, { count: 1 });
  assert.deepEqual((await call("ann", "/thanks/add", { to: ids["ben"] })).body, { count: 1 });
});
`,
  };
}
