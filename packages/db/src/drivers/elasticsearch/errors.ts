// What answers of the server mean that are no success, and errors of the way to it.

import type { Classified, Phase } from "../../driver.js";
import { HttpError, isNotReached, networkCode } from "./transport.js";

type Row = readonly [code: Classified["code"], outcome: Classified["outcome"], message: string];

const missing: Row = ["drift", "none", "the index does not exist in the store; call sync() first"];

const byType: Readonly<Record<string, Row>> = {
  index_not_found_exception: missing,
  strict_dynamic_mapping_exception: ["drift", "none", "a field does not exist in the index; call sync() first"],
  version_conflict_engine_exception: ["limited", "none", "others keep changing the row"],
  cluster_block_exception: ["unavailable", "none", "the index or the cluster takes no writes now"],
  index_closed_exception: ["unavailable", "none", "the index is closed"],
  unavailable_shards_exception: ["unavailable", "none", "too few copies of the index are there"],
  no_shard_available_action_exception: ["unavailable", "none", "no copy of the index is there"],
  master_not_discovered_exception: ["unavailable", "none", "the cluster has no master"],
  cluster_manager_not_discovered_exception: ["unavailable", "none", "the cluster has no manager"],
  process_cluster_event_timeout_exception: ["unavailable", "unknown", "the cluster did not make the change in time"],
  circuit_breaking_exception: ["limited", "none", "the server is short of memory"],
  es_rejected_execution_exception: ["limited", "none", "the server has too much to do"],
  rejected_execution_exception: ["limited", "none", "the server has too much to do"],
  too_many_clauses: ["too-large", "none", "the filter has too many parts"],
  too_many_nested_clauses: ["too-large", "none", "the filter has too many parts"],
};

// Faults of a field have one name for all that may be wrong.
const byReason: readonly (readonly [RegExp, Row])[] = [
  [/immense term|max_bytes_length_exceeded/i, ["too-large", "none", "a text is longer than a term of the index may be"]],
  [/too_many_clauses|maxClauseCount|too many (nested )?clauses/i, ["too-large", "none", "the filter has too many parts"]],
  [/No mapping found for \[/i, ["drift", "none", "a field does not exist in the index; call sync() first"]],
  [/Limit of (total|mapping) ?fields/i, ["too-large", "none", "the table has more columns than index.mapping.total_fields.limit"]],
  [/maximum (normal )?shards open/i, ["too-large", "none", "the cluster has as many shards as it may have"]],
  [/all shards failed/i, ["unavailable", "none", "no copy of the index is there"]],
];

const byStatus: Readonly<Record<number, Row>> = {
  401: ["unauthenticated", "none", "the server refuses the user, password or key"],
  403: ["denied", "none", "the user may not do this"],
  404: missing,
  408: ["timeout", "unknown", "no answer in time"],
  413: ["too-large", "none", "the request is longer than the server takes (http.max_content_length)"],
  429: ["limited", "none", "the server has too much to do"],
  502: ["unavailable", "unknown", "a proxy does not reach the server"],
  503: ["unavailable", "unknown", "the server is unavailable"],
  504: ["timeout", "unknown", "no answer in time"],
};

/** Says what an error of the server, of the connection or of a client means; undefined when it is not known. */
export function classifyElastic(error: unknown, phase: Phase = "send"): Classified | undefined {
  const row = rowFor(error);
  if (row === undefined) return undefined;
  const [code, outcome, message] = row;
  return { code, message, ...(outcome === undefined ? {} : { outcome: phase === "connect" ? "none" : outcome }) };
}

function rowFor(error: unknown): Row | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof HttpError) return rowOfAnswer(error);
  if (isNotReached(error))
    return ["unavailable", "none", networkCode(error) === "ENOTFOUND" ? "the host is not known" : "the server cannot be reached"];
  const code = networkCode(error);
  if (code === "UND_ERR_CONNECT_TIMEOUT") return ["timeout", "none", "the server did not take the connection in time"];
  if (code !== undefined && /TIMEOUT|ETIMEDOUT/.test(code)) return ["timeout", "unknown", "no answer in time"];
  if (code !== undefined && /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|ConnectionClosed)$/.test(code)) return lost;
  if (code !== undefined && /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code))
    return ["unavailable", "none", "the server's certificate is not trusted"];
  if (error.name === "TimeoutError") return ["timeout", "unknown", "no answer in time"];
  if (error.name === "AbortError" || error.name === "RequestAbortedError")
    return ["cancelled", "unknown", "cancelled by the caller's signal"];
  return rowOfClient(error);
}

const lost: Row = ["unavailable", "unknown", "the connection was lost"];

/** The clients tell in words alone what happened. */
function rowOfClient({ name, message }: Error): Row | undefined {
  if (name === "NoLivingConnectionsError") return ["unavailable", "none", "the server cannot be reached"];
  if (name !== "ConnectionError" && message !== "fetch failed" && message !== "terminated") return undefined;
  return /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH/.test(message) ? ["unavailable", "none", "the server cannot be reached"] : lost;
}

function rowOfAnswer({ status, type, message }: HttpError): Row | undefined {
  const named = byType[type] ?? byReason.find(([reason]) => reason.test(message))?.[1];
  return named ?? byStatus[status] ?? (status === 400 ? ["internal", "none", "the server refused the request as invalid"] : undefined);
}
