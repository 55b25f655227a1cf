// @ts-nocheck -- its packages are not installed here
// node server.cjs PORT DIR USER:PASSWORD: PouchDB behind CouchDB's HTTP API, kept in files below DIR. What it does unlike
// CouchDB 3 and costs little is mended here. Its order of ids and of view keys is that of LevelDB, by bytes: CouchDB's own for
// ids, and for views with the collation "raw".
const { mkdirSync, readFileSync } = require("node:fs");
const Module = require("node:module");

const [, , port, dir, admin] = process.argv;
process.chdir(dir);
mkdirSync("databases", { recursive: true });

// PouchDB compares the bounds of a range by UTF-16, in two places: one is a function, the other stands in its text.
const adapter = require.resolve("pouchdb-adapter-leveldb-core");
const load = Module._extensions[".js"];
Module._extensions[".js"] = (module, file) => {
  if (file !== adapter) return load(module, file);
  const text = readFileSync(file, "utf8");
  const mended = text.replace(
    "readstreamOpts.gte > readstreamOpts.lte",
    "readstreamOpts.gte && readstreamOpts.lte && Buffer.from(readstreamOpts.gte).compare(Buffer.from(readstreamOpts.lte)) > 0",
  );
  if (mended === text) throw new Error("the text of PouchDB has changed");
  module._compile(mended, file);
};
const collation = require("pouchdb-collate");
const { collate } = collation;
collation.collate = (a, b) =>
  typeof a === "string" && typeof b === "string" ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : collate(a, b);

const core = require("pouchdb-core");
const PouchDB = ["pouchdb-adapter-leveldb", "pouchdb-mapreduce", "pouchdb-find"]
  .reduce((pouch, name) => pouch.plugin(require(name)), core)
  .defaults({ adapter: "leveldb", prefix: "databases/" });
const express = require("express");
const couch = require("express-pouchdb")(PouchDB, {
  inMemoryConfig: true,
  mode: "minimumForPouchDB",
  overrideMode: { include: ["routes/find"] },
});
const app = express().set("etag", false);
couch.set("etag", false);

const authorization = `Basic ${Buffer.from(admin).toString("base64")}`;
// CouchDB's default for one document. The batches of the tests are smaller, so that a request that is larger is one document.
const maxDocumentSize = 8_000_000;

app.use((request, response, next) => {
  delete request.headers["accept-encoding"];
  if (request.path !== "/_up" && request.headers.authorization !== authorization) {
    const isKnown = request.headers.authorization !== undefined;
    const reason = isKnown ? "Name or password is incorrect." : "You are not authorized to access this db.";
    return response.status(401).json({ error: "unauthorized", reason });
  }
  if (Number(request.headers["content-length"] ?? 0) > maxDocumentSize)
    return response.status(413).json({ error: "document_too_large", reason: "unknown" });
  next();
});
// Members named __proto__ are lost where PouchDB copies documents: they pass through it under another name.
app.use(express.text({ limit: "64mb", type: () => true }), (request, response, next) => {
  if (typeof request.body === "string") {
    try {
      request.body = request.body === "" ? {} : JSON.parse(request.body.replace(/(?<!\\)"__proto__":/g, '"\\u0007proto":'));
    } catch {
      return response.status(400).json({ error: "bad_request", reason: "invalid UTF-8 JSON" });
    }
  }
  const send = response.send.bind(response);
  response.send = (body) => {
    const text = Buffer.isBuffer(body) ? body.toString() : body;
    return send(typeof text === "string" ? text.replaceAll('"\\u0007proto":', '"__proto__":') : text);
  };
  next();
});
app.get("/", (_request, response) => response.json({ couchdb: "Welcome", version: "3.3.3", vendor: { name: "express-pouchdb" } }));
app.get("/_up", (_request, response) => response.json({ status: "ok" }));
app.put("/:db", (request, response, next) => {
  if (/^[a-z][a-z0-9_$()+/-]*$/.test(request.params.db)) return next();
  response.status(400).json({ error: "illegal_database_name", reason: `Name: '${request.params.db}'.` });
});
app.use(couch);
// Longer than clients keep idle connections, so that none is closed under a request that has just been sent.
app.listen(Number(port), "127.0.0.1").keepAliveTimeout = 60_000;
