// What commands use to reach the service: the client, retries of throttled requests, pacing.

import { type Clock, retry } from "@bk/core";
import type { DynamoDB } from "@aws-sdk/client-dynamodb";

import { type Pacer, pacer } from "./capacity.js";
import { classifyDynamo } from "./errors.js";
import type { Layout } from "./layout.js";
import type { DynamoOptions } from "./options.js";

export interface RequestOptions {
  readonly abortSignal?: AbortSignal;
}

export interface Engine {
  readonly clock: Clock;
  readonly options: DynamoOptions;
  /** Sends one request; again, after a while, when it was throttled, which has done nothing. Throws native errors. */
  request<T>(call: (client: DynamoDB, options: RequestOptions) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
  /** How fast a table may be read; undefined when it is not limited. */
  pacerOf(layout: Layout, signal: AbortSignal | undefined): Promise<Pacer | undefined>;
}

export function engineOf(client: DynamoDB, options: DynamoOptions, clock: Clock): Engine {
  const pacers = new Map<string, Promise<Pacer | undefined>>();
  const request: Engine["request"] = (call, signal) =>
    retry(() => call(client, signal === undefined ? {} : { abortSignal: signal }), {
      attempts: options.maxAttempts,
      clock,
      signal,
      when: isThrottled,
    });
  return {
    clock,
    options,
    request,
    pacerOf(layout, signal) {
      const { useCapacity, factorCapacity } = options;
      if (useCapacity === undefined) return Promise.resolve(undefined);
      let own = pacers.get(layout.tableName);
      if (own === undefined) {
        const units = useCapacity === "table" ? provisionedUnits(request, layout, signal) : Promise.resolve(useCapacity);
        own = units.then((perSecond) => (perSecond > 0 ? pacer(perSecond * factorCapacity, clock) : undefined));
        pacers.set(layout.tableName, own);
        // A failure belongs to the call that asked; the next one asks again.
        own.catch(() => pacers.delete(layout.tableName));
      }
      return own;
    },
  };
}

function isThrottled(error: unknown): boolean {
  const classified = classifyDynamo(error);
  return classified?.code === "limited" && classified.outcome === "none";
}

/** 0 for tables that are paid by request, which have no limit to keep. */
async function provisionedUnits(request: Engine["request"], layout: Layout, signal: AbortSignal | undefined): Promise<number> {
  const { Table } = await request((client, options) => client.describeTable({ TableName: layout.tableName }, options), signal);
  return Table?.ProvisionedThroughput?.ReadCapacityUnits ?? 0;
}
