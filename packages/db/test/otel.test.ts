import { AsyncLocalStorage } from "node:async_hooks";

import { context, type Context, type ContextManager, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { testClock } from "@bk/core";
import { type Classified, type Driver, openDb, type Reply, type Shape, type Values } from "@bk/db";
import { traceDb } from "@bk/db/otel";
import { leastCapabilities } from "../src/testing/least-capabilities.js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { allFilters, scalarKinds } from "../src/engines/core-filters.js";
import { copyingCodec } from "../src/engines/copying-codec.js";

/** What `@opentelemetry/context-async-hooks` does. */
class AsyncContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();
  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(active: Context, fn: F, self?: ThisParameterType<F>, ...args: A) {
    return this.#storage.run(active, () => fn.apply(self, args));
  }
  bind<T>(_active: Context, target: T): T {
    return target;
  }
  enable(): this {
    return this;
  }
  disable(): this {
    return this;
  }
}

const tables = { note: { id: { primary: 1 }, text: {}, n: { type: "int" } } } as const;
const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
let stop: () => void;

beforeAll(() => void context.setGlobalContextManager(new AsyncContextManager()));
afterAll(() => context.disable());
beforeEach(() => {
  exporter.reset();
  stop = traceDb({ tracerProvider });
});
afterEach(() => stop());

const spansOf = (kind: SpanKind): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.kind === kind);
const calls = (): ReadableSpan[] => spansOf(SpanKind.INTERNAL).filter(({ attributes }) => "bk.verb" in attributes);
const commands = (): ReadableSpan[] => spansOf(SpanKind.CLIENT);
const isIn = (span: ReadableSpan, parent: ReadableSpan): boolean => span.parentSpanContext?.spanId === parent.spanContext().spanId;

class NativeError extends Error {
  readonly meaning: Classified;
  constructor(meaning: Classified) {
    super("hush");
    this.meaning = meaning;
  }
}

/** A server far away, of which a test says what it answers. */
function server(answer: (shape: Shape, values: Values) => Reply): Driver<Shape> {
  const execute = async (shape: Shape, values: Values): Promise<Reply> => answer(shape, values);
  return {
    name: "far",
    endpoint: { system: "far_sql", namespace: "app", address: "db.example", port: 1234 },
    codec: copyingCodec,
    capabilities: {
      ...leastCapabilities,
      filters: { ...allFilters, text: ["eq"] },
      guards: allFilters,
      sorts: scalarKinds,
      group: { get: { most: 100, outcome: "whole" } },
    },
    compile: (shape) => shape,
    describe: ({ verb, table }) => `${verb.toUpperCase()} ${table.name} ?`,
    classify: (error) => (error instanceof NativeError ? error.meaning : undefined),
    execute,
    executeGroup: (shape, group) => Promise.all(group.map((values) => execute(shape, values))),
    close: async () => undefined,
  };
}

const openFar = (answer: (shape: Shape, values: Values) => Reply) =>
  openDb({ driver: server(answer) as Driver, tables, clock: testClock({ autoAdvance: true }) });

describe("OpenTelemetry spans", () => {
  it("a get is a span of its own, with a span of its command by the conventions", async () => {
    await using db = await openFar((_shape, [id]) => ({ rows: [[id!, "hush", 1]], affected: 0 }));
    await db.get("note", "hush");
    const [call] = calls();
    const [command] = commands();
    expect([calls().length, commands().length]).toEqual([1, 1]);
    expect(call).toMatchObject({ name: "get note", attributes: { "bk.verb": "get", "bk.table": "note", "bk.pool": "main", "bk.rows": 1 } });
    expect(call!.parentSpanContext).toBeUndefined();
    expect(command).toMatchObject({ name: "get note", status: { code: SpanStatusCode.UNSET } });
    expect(isIn(command!, call!)).toBe(true);
    expect(command!.attributes).toEqual({
      "db.system.name": "far_sql",
      "db.namespace": "app",
      "db.collection.name": "note",
      "db.operation.name": "get",
      "db.query.text": "GET note ?",
      "db.response.returned_rows": 1,
      "server.address": "db.example",
      "server.port": 1234,
      "bk.pool": "main",
    });
    expect(JSON.stringify([call!.attributes, command!.attributes])).not.toContain("hush");
  });

  it("gets of one tick share a command, which is in the first one and linked to the others", async () => {
    await using db = await openFar((_shape, [id]) => ({ rows: [[id!, null, 1]], affected: 0 }));
    await Promise.all([db.get("note", "a"), db.get("note", "b"), db.get("note", "b"), db.get("note", "c")]);
    const [command] = commands();
    expect(commands()).toHaveLength(1);
    expect(command!.attributes).toMatchObject({
      "db.operation.name": "BATCH get",
      "db.operation.batch.size": 3,
      "db.response.returned_rows": 3,
    });
    const [first, ...others] = calls();
    expect(others).toHaveLength(3);
    expect(isIn(command!, first!)).toBe(true);
    expect(command!.links.map((link) => link.context.spanId)).toEqual(others.map((call) => call.spanContext().spanId));
  });

  it("each get of a tick is in the span that asked for it, whoever sent the command", async () => {
    await using db = await openFar((_shape, [id]) => ({ rows: [[id!, null, 1]], affected: 0 }));
    const tracer = tracerProvider.getTracer("app");
    const request = (name: string): Promise<unknown> =>
      tracer.startActiveSpan(name, async (span) => {
        await db.get("note", name);
        span.end();
      });
    await Promise.all([request("one"), request("two")]);
    const parentNames = calls().map((call) => {
      const parent = exporter.getFinishedSpans().find((span) => isIn(call, span));
      return parent?.name;
    });
    expect(parentNames.sort()).toEqual(["one", "two"]);
  });

  it("a page that takes several commands is one call", async () => {
    const rows = Array.from({ length: 250 }, (_, i) => [String(i).padStart(3, "0"), i === 249 ? "yes" : "no", i]);
    await using db = await openFar((shape, values) => {
      if (shape.verb !== "select") throw new Error(shape.verb);
      const limit = values[shape.limit!] as number;
      const from = shape.after === undefined ? -1 : rows.findIndex(([id]) => id === values[shape.after!.at(-1)!]);
      return { rows: rows.slice(from + 1, from + 1 + limit), affected: 0 };
    });
    expect((await db.select("note", { text: { $ends_with: "es" } }, { scan: true })).rows).toHaveLength(1);
    const [call] = calls();
    expect(call!.attributes).toMatchObject({ "bk.verb": "select", "bk.rows": 1 });
    expect(commands().length).toBeGreaterThan(1);
    expect(commands().every((command) => isIn(command, call!))).toBe(true);
  });

  it("a transaction holds its calls, and what the app does between them", async () => {
    await using db = await openDb({ url: "memory:", tables });
    const tracer = tracerProvider.getTracer("app");
    await db.transaction(async (tx) => {
      await tx.put("note", { id: "a", n: 1 });
      await tracer.startActiveSpan("think", async (span) => {
        await db.get("note", "a");
        span.end();
      });
    });
    const [put, get, transaction] = calls();
    const think = exporter.getFinishedSpans().find(({ name }) => name === "think")!;
    expect([put!.name, get!.name, transaction!.name]).toEqual(["put note", "get note", "transaction memory"]);
    expect([isIn(put!, transaction!), isIn(think, transaction!), isIn(get!, think)]).toEqual([true, true, true]);
    const own = commands().filter((command) => isIn(command, transaction!));
    expect(own.map((command) => command.attributes["db.operation.name"])).toEqual(["begin", "commit"]);
  });

  it("a write that fails has the error's code, in the command too", async () => {
    await using db = await openFar(() => {
      throw new NativeError({ code: "already-exists", outcome: "none", message: "a row with this value exists" });
    });
    await expect(db.put("note", { id: "hush" })).rejects.toMatchObject({ code: "already-exists" });
    for (const span of [...calls(), ...commands()]) {
      expect(span.attributes).toMatchObject({ "error.type": "already-exists", "bk.outcome": "none" });
      expect(span.status.code).toBe(SpanStatusCode.ERROR);
      expect(span.status.message).toContain("a row with this value exists");
      expect(JSON.stringify([span.attributes, span.status, span.events])).not.toContain("hush");
    }
    expect([calls().length, commands().length]).toEqual([1, 1]);
  });

  it("a command that is sent again is one span with the number of its repetitions", async () => {
    let sent = 0;
    await using db = await openFar(() => {
      if (++sent < 3) throw new NativeError({ code: "limited", outcome: "none" });
      return { rows: [], affected: 1 };
    });
    await db.put("note", { id: "a" });
    expect(commands()).toHaveLength(1);
    expect(commands()[0]!.attributes).toMatchObject({ "bk.retries": 2, "bk.affected": 1 });
    expect(commands()[0]!.status.code).toBe(SpanStatusCode.UNSET);
  });

  it("is over when it is stopped; what has begun then is a span still", async () => {
    const waits: (() => void)[] = [];
    const driver = server(() => ({ rows: [], affected: 1 }));
    const waiting: Driver<Shape> = {
      ...driver,
      execute: async (shape, values) => {
        await new Promise<void>((resolve) => waits.push(resolve));
        return driver.execute(shape, values);
      },
    };
    await using db = await openDb({ driver: waiting as Driver, tables });
    const put = db.put("note", { id: "a" });
    await expect.poll(() => waits.length).toBe(1);
    stop();
    waits.pop()!();
    await put;
    expect([calls().length, commands().length]).toEqual([1, 1]);
    exporter.reset();
    const later = db.put("note", { id: "b" });
    await expect.poll(() => waits.length).toBe(1);
    waits.pop()!();
    await later;
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it("calls and texts can be left out", async () => {
    stop();
    stop = traceDb({ tracerProvider, calls: false, text: false });
    await using db = await openDb({ url: "sqlite::memory:", tables });
    await db.sync();
    exporter.reset();
    await trace.getTracer("none").startActiveSpan("app", async () => db.get("note", "a"));
    expect(calls()).toEqual([]);
    expect(commands().map(({ attributes }) => attributes)).toEqual([
      {
        "db.system.name": "sqlite",
        "db.collection.name": "note",
        "db.operation.name": "get",
        "db.response.returned_rows": 0,
        "bk.pool": "main",
      },
    ]);
  });
});
