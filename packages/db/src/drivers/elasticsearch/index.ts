// The driver of Elasticsearch and OpenSearch. README.md says how rows are kept.

import type { Driver, DriverOptions } from "../../driver.js";
import { DbError, invalid } from "../../errors.js";
import { seesAlways } from "../../engines/core-filters.js";
import { capabilities, codec } from "./capabilities.js";
import { clientTransport } from "./client.js";
import type { ElasticCommand } from "./command.js";
import { compileElastic } from "./compile.js";
import { type Engine, engineOf } from "./engine.js";
import { classifyElastic } from "./errors.js";
import { servesColumn } from "./inspect.js";
import { elasticOptions } from "./options.js";
import { type ElasticRequest, httpTransport, HttpError } from "./transport.js";

/**
 * Opens Elasticsearch or OpenSearch: `elasticsearch://user:password@host:9200`, several nodes with commas between them,
 * `elasticsearch+https://…` over TLS, the same with `opensearch`. Sends nothing before the first command.
 *
 * @throws DbError `invalid` for a wrong URL or option
 */
export async function elasticsearchDriver(given: DriverOptions): Promise<Driver<ElasticCommand>> {
  const options = elasticOptions(given);
  const { client, nodes, prefix } = options;
  const transport = client === undefined ? httpTransport(options) : clientTransport(client, options);
  const engine = engineOf(transport, options);
  const [node] = nodes;
  return {
    name: "elasticsearch",
    endpoint: { system: "elasticsearch", address: node?.address, port: node?.port, ...(prefix === "" ? {} : { namespace: prefix }) },
    capabilities: options.refresh === "always" ? Object.freeze({ ...capabilities, sees: seesAlways }) : capabilities,
    codec,
    compile: compileElastic,
    describe: (command) => command.describe(engine),
    classify: classifyElastic,
    execute: (command, values, signal) => command.run(engine, values, signal).catch(naming(command)),
    async executeGroup(command, group, signal) {
      if (command.runGroup === undefined) throw new DbError("unsupported", "these calls cannot be grouped");
      return command.runGroup(engine, group, signal).catch(naming(command));
    },
    serves: servesColumn,
    native: (command, signal) => runNative(engine, command, signal),
    close: () => engine.close(),
  };
}

/** The server names its index. */
function naming({ table }: ElasticCommand): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof HttpError) || error.type !== "index_not_found_exception") throw error;
    throw new DbError("drift", `table ${table} does not exist in the store; call sync() first`, { outcome: "none", cause: error, table });
  };
}

const methods: ReadonlySet<unknown> = new Set(["GET", "POST", "PUT", "DELETE", "HEAD"]);

/** One request of the server's own API: `{ method: "POST", path: "/album/_search", body: { … } }`; `body` may be text. */
function runNative(engine: Engine, command: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  const { method, path, body } = (command ?? {}) as { method?: unknown; path?: unknown; body?: unknown };
  if (!methods.has(method) || typeof path !== "string" || !path.startsWith("/"))
    throw invalid('a native command is { method: "POST", path: "/album/_search", body: { … } }');
  const [way, query] = path.split("?", 2);
  const isText = typeof body === "string";
  return engine.send(
    {
      method: method as ElasticRequest["method"],
      path: way!,
      query,
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
      isLines: isText,
    },
    signal,
  );
}
