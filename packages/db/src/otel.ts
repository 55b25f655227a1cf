// OpenTelemetry spans of calls and commands, by its stable conventions for databases (semantic conventions 1.33 and later).

import {
  type Attributes,
  context as otelContext,
  type Context,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace as otelTrace,
  type TracerProvider,
} from "@opentelemetry/api";

import type { TracingChannel } from "node:diagnostics_channel";

import { callChannel, type CallEvent, commandChannel, type CommandEvent } from "./execute/tracing.js";

export interface TraceOptions {
  /** Where spans go; default: the provider that is registered globally. */
  readonly tracerProvider?: TracerProvider;
  /** Spans of calls (`get photo`), parents of those of the commands that serve them. Default true. */
  readonly calls?: boolean;
  /** The text of commands, without values, as `db.query.text`. Default true. */
  readonly text?: boolean;
}

/**
 * Makes spans of the calls and commands of every database of this process.
 *
 * - A call is a span of kind `INTERNAL`, named by verb and table: `get photo`. While it runs it is the active span. Its attributes
 *   are `bk.verb`, `bk.table`, `bk.pool`, `bk.rows`, `bk.affected`, `bk.failed`, `bk.cached`.
 * - A command is a span of kind `CLIENT`, with its repetitions, by the conventions: `db.system.name`, `db.namespace`,
 *   `db.collection.name`, `db.operation.name`, `db.operation.batch.size`, `db.query.text`, `db.response.returned_rows`,
 *   `server.address`, `server.port`; and `bk.pool`, `bk.affected`, `bk.failed`, `bk.retries`. Its parent is the call that it serves;
 *   where it serves several the first one, and it has links to the others.
 * - What failed has `error.type`, the error's code, and `bk.outcome`. Row values and keys are in no span.
 *
 * On runtimes without `node:diagnostics_channel` there are no spans.
 *
 * @returns ends it; spans that have begun are made nevertheless
 */
export function traceDb(options: TraceOptions = {}): () => void {
  const tracer = (options.tracerProvider ?? otelTrace.getTracerProvider()).getTracer("@bk/db");
  const { calls = true, text = true } = options;
  const open = new Map<Event, { readonly span: Span; readonly context: Context }>();

  function begin(event: Event, kind: SpanKind, parent: Context, attributes: Attributes, linked: readonly Span[]): void {
    const links = linked.map((span) => ({ context: span.spanContext() }));
    const span = tracer.startSpan(nameOf(event), { kind, attributes: known(attributes), links }, parent);
    const context = otelTrace.setSpan(parent, span);
    open.set(event, { span, context });
    event.around.push((work) => otelContext.with(context, work));
  }

  function end(event: Event, attributes: Attributes): void {
    const { span } = open.get(event)!;
    open.delete(event);
    const { error } = event;
    span.setAttributes(known(attributes));
    if (error !== undefined) {
      span.setAttributes(known({ "error.type": error.code ?? error.name, "bk.outcome": error.outcome }));
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    }
    span.end();
  }

  const stops = [
    ...(calls
      ? [
          listen(callChannel, {
            begin(event) {
              const active = otelContext.active();
              // An active span stands nearer: the app may have begun one inside of the transaction.
              const isInside = event.parent === undefined || otelTrace.getSpan(active) !== undefined;
              const parent = isInside ? active : (open.get(event.parent)?.context ?? active);
              const { verb, table, pool } = event;
              begin(event, SpanKind.INTERNAL, parent, { "bk.verb": verb, "bk.table": table, "bk.pool": pool }, []);
            },
            end: (event) =>
              end(event, { "bk.rows": event.rows, "bk.affected": event.affected, "bk.failed": event.failed, "bk.cached": event.cached }),
          }),
        ]
      : []),
    listen(commandChannel, {
      begin(event) {
        const served = event.calls.map((call) => open.get(call)).filter((call) => call !== undefined);
        const [first, ...others] = served;
        const linked = others.map(({ span }) => span);
        begin(event, SpanKind.CLIENT, first?.context ?? otelContext.active(), commandAttributes(event, text), linked);
      },
      end(event) {
        const { rows, affected, failed, retries } = event;
        const counts = { "bk.affected": affected, "bk.failed": failed, "bk.retries": retries === 0 ? undefined : retries };
        end(event, { "db.response.returned_rows": rows, ...counts });
      },
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

type Event = CallEvent | CommandEvent;

/** Listens until it is stopped, and then until what has begun is over. */
function listen<Own extends Event>(
  channel: TracingChannel<unknown, Own> | undefined,
  { begin, end }: { readonly begin: (event: Own) => void; readonly end: (event: Own) => void },
): () => void {
  if (channel === undefined) return () => undefined;
  const running = new Set<Own>();
  let isStopped = false;
  const onStart = (message: unknown): void => {
    running.add(message as Own);
    begin(message as Own);
  };
  const onEnd = (message: unknown): void => {
    // Others began before anybody listened.
    if (running.delete(message as Own)) end(message as Own);
    if (isStopped && running.size === 0) channel.asyncEnd.unsubscribe(onEnd);
  };
  channel.start.subscribe(onStart);
  channel.asyncEnd.subscribe(onEnd);
  return () => {
    isStopped = true;
    channel.start.unsubscribe(onStart);
    if (running.size === 0) channel.asyncEnd.unsubscribe(onEnd);
  };
}

/** By the conventions the target of an operation is its collection, else the database, else the server. */
function nameOf({ verb, table, endpoint }: Event): string {
  const target = table ?? endpoint?.namespace ?? endpoint?.address ?? endpoint?.system;
  return target === undefined ? verb : `${verb} ${target}`;
}

function commandAttributes({ verb, table, pool, endpoint, groupSize, text }: CommandEvent, withText: boolean): Attributes {
  return {
    "db.system.name": endpoint?.system,
    "db.namespace": endpoint?.namespace,
    "db.collection.name": table,
    // One operation is no batch.
    "db.operation.name": groupSize > 1 ? `BATCH ${verb}` : verb,
    "db.operation.batch.size": groupSize > 1 ? groupSize : undefined,
    "db.query.text": withText ? text : undefined,
    "server.address": endpoint?.address,
    "server.port": endpoint?.port,
    "bk.pool": pool,
  };
}

function known(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
