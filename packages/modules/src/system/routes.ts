import { type LogLevel, logLevels } from "@bk/core";

import { anyRow, endpoint, type Endpoint, nothing, type Parameters, type Schema } from "../contract/endpoint.js";
import type { SystemService } from "./service.js";
import { prometheusText } from "./stats.js";

const name = { required: true, min: 1, max: 500, about: "the key" } as const;
const prefix = { max: 500, default: "", about: "what the keys begin with" } as const;
const value = { type: "json", about: "any JSON value" } as const;
const ttl = { type: "int", min: 1, about: "how long it is kept, in milliseconds" } as const;
const values: Schema = { type: "object", required: ["value"], properties: { value: {}, truncated: { type: "boolean" } } };
const id: Schema = { type: "object", required: ["id"], properties: { id: { type: "string" } } };

const reads = <const P extends Parameters>(definition: Omit<Endpoint<P>, "who">): Endpoint => endpoint<P>({ ...definition, who: "admin" });
const acts = <const P extends Parameters>(definition: Omit<Endpoint<P>, "who">): Endpoint =>
  endpoint<P>({ ...definition, who: "admin", changes: true, method: "POST" });

export function systemRoutes(service: SystemService): Endpoint[] {
  const job = {
    summary: "Submits a job",
    parameters: { name: { required: true, max: 200, about: "the job" }, input: value },
    reply: id,
  } as const;
  return [
    reads({
      path: "/system/stats/get",
      summary:
        "Numbers of the server, its databases and its cache; what ends in `_0` counts since the last call. Of several processes they are put together, and `workers` has those of each, null for one that did not answer",
      parameters: { _format: { values: ["json", "prometheus"], default: "json" } },
      reply: anyRow,
      otherReplies: ["text/plain"],
      async answer({ values: { _format } }) {
        const stats = await service.stats();
        if (_format === "json") return stats;
        return new Response(prometheusText(stats), { headers: { "content-type": "text/plain; version=0.0.4" } });
      },
    }),
    acts({
      path: "/system/cache/init",
      summary: "Asks the cache for an answer; it connects again where it was cut off",
      reply: nothing,
      async answer({ caller }) {
        await service.cacheInit(caller);
        return {};
      },
    }),
    reads({
      path: "/system/cache/stats",
      summary: "Numbers of the server's cache",
      reply: anyRow,
      answer: () => service.cacheStats(),
    }),
    reads({
      path: "/system/cache/keys",
      summary: "Up to 1,000 keys of the cache, but for those of the server itself",
      parameters: { name: prefix },
      reply: { type: "array", items: { type: "string" } },
      answer: ({ values: { name: begin } }) => service.cacheKeys(begin),
    }),
    reads({
      path: "/system/cache/get",
      summary: "A value of the cache, null when there is none; long ones are cut",
      parameters: { name },
      reply: values,
      answer: ({ values: given }) => service.cacheGet(given.name),
    }),
    acts({
      path: "/system/cache/set",
      summary: "Writes a value if there is none, and gives the one that is there then",
      parameters: { name, value: { ...value, required: true }, ttl },
      reply: values,
      answer: ({ caller, values: given }) => service.cacheSet(caller, given.name, given.value, given.ttl),
    }),
    acts({
      path: "/system/cache/put",
      summary: "Writes a value",
      parameters: { name, value: { ...value, required: true }, ttl },
      reply: nothing,
      async answer({ caller, values: given }) {
        await service.cachePut(caller, given.name, given.value, given.ttl);
        return {};
      },
    }),
    acts({
      path: "/system/cache/incr",
      summary: "Adds to a number",
      parameters: { name, value: { type: "int", default: 1, about: "what is added" } },
      reply: values,
      answer: async ({ caller, values: given }) => ({ value: await service.cacheIncr(caller, given.name, given.value) }),
    }),
    acts({
      path: "/system/cache/del",
      summary: "Removes a value",
      parameters: { name },
      reply: nothing,
      async answer({ caller, values: given }) {
        await service.cacheDel(caller, given.name);
        return {};
      },
    }),
    acts({
      path: "/system/cache/clear",
      summary: "Removes all values, but for those of the server itself",
      parameters: { name: prefix },
      reply: nothing,
      async answer({ caller, values: { name: begin } }) {
        await service.cacheClear(caller, begin);
        return {};
      },
    }),
    reads({
      path: "/system/params/get",
      summary: "What the server was configured with; secrets are masked",
      parameters: { _total: { type: "bool", default: false, about: "those without a value too" } },
      reply: anyRow,
      answer: ({ values: { _total } }) => Promise.resolve(service.params(_total)),
    }),
    acts({
      path: "/system/log",
      summary: "The level of the log, and another one",
      parameters: { level: { values: logLevels } },
      reply: anyRow,
      answer: ({ caller, values: { level } }) => Promise.resolve({ level: service.logLevel(caller, level as LogLevel | undefined) }),
    }),
    acts({ ...job, path: "/system/jobs/send", answer: ({ caller, values: given }) => service.submitJob(caller, given.name, given.input) }),
    acts({
      ...job,
      path: "/system/jobs/submit",
      answer: ({ caller, values: given }) => service.submitJob(caller, given.name, given.input),
    }),
    acts({
      path: "/system/jobs/cancel",
      summary:
        "Cancels the jobs for which all that is given holds: those that run are told to stop, the one of an id is taken back if it waits",
      parameters: {
        id: { max: 200, about: "what the submit replied" },
        name: { max: 200, about: "the job" },
        tag: { max: 200 },
        key: { max: 500, about: "the key of jobs of which one runs at a time" },
      },
      reply: {
        type: "object",
        required: ["count"],
        properties: { count: { type: "integer", description: "those that were found in the process that was asked, and in the queue" } },
      },
      async answer({ caller, values }) {
        const choice = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
        return { count: await service.cancelJobs(caller, choice) };
      },
    }),
    acts({
      path: "/system/config/init",
      summary: "Reads the configuration again",
      reply: nothing,
      async answer({ caller }) {
        await service.configInit(caller);
        return {};
      },
    }),
    acts({
      path: "/system/queue/init",
      summary: "Asks a queue, or all of them, for an answer; they connect again where they were cut off",
      parameters: { queue: { max: 200 } },
      reply: nothing,
      async answer({ caller, values: given }) {
        await service.queueInit(caller, given.queue);
        return {};
      },
    }),
    reads({
      path: "/system/queue/stats",
      summary: "How many messages wait, are delayed, run and are dead, by queue",
      reply: anyRow,
      answer: () => service.queueStats(),
    }),
    acts({
      path: "/system/queue/publish",
      summary: "Adds a message to a queue",
      parameters: { queue: { required: true, max: 200 }, value: { ...value, required: true } },
      reply: id,
      answer: ({ caller, values: given }) => service.publish(caller, given.queue, given.value),
    }),
    acts({
      path: "/system/restart",
      summary: "Begins a restart",
      reply: nothing,
      answer({ caller }) {
        service.restart(caller);
        return Promise.resolve({});
      },
    }),
  ];
}
