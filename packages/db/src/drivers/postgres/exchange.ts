// What goes over a connection at once: the steps of one call, with one Sync behind the last, so that they are one
// transaction and cost one round trip. Rows are kept as the protocol has them, an array of texts.

import type { Client, Connection, Query } from "pg";
import type { Value } from "../../driver.js";
import { DbError } from "../../errors.js";

/** The protocol counts the values of a statement in two bytes. */
const mostValues = 65_535;

/** A statement with its values, in the order of the placeholders. */
export interface Step {
  readonly text: string;
  /** Name under which connections keep it prepared; undefined: it is parsed each time. */
  readonly name: string | undefined;
  readonly values: readonly Value[];
  /** The data of a COPY FROM STDIN. */
  readonly copy?: readonly Buffer[];
  /** Left out where the connection has carried it out before. */
  readonly once?: boolean;
}

export interface StepResult {
  readonly rows: (readonly (string | null)[])[];
  affected: number;
}

/** The calls of a connection that carry steps out; pg's own types leave them half open. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void; destroy(error?: Error): void };
  parse(query: { name: string; text: string }): void;
  bind(config: { statement: string; values: readonly Value[]; valueMapper: (value: Value) => string | Buffer | null }): void;
  execute(config: null): void;
  close(statement: { type: "S"; name: string }): void;
  sync(): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** The names that a connection has prepared. A name stands from the moment its Parse is sent, as what follows comes after it. */
export type PreparedNames = Set<string>;

export type SendExchange = (client: Client, prepared: PreparedNames, steps: readonly Step[]) => Promise<readonly StepResult[]>;

/**
 * Makes the sender of exchanges for a loaded client package.
 *
 * Its promise rejects with the server's error, by which nothing of the exchange was done, or with that of the connection.
 */
export function exchangeSender(pg: { readonly Query: typeof Query }): SendExchange {
  // pg hands what a connection receives to the query at its head; being one, an exchange takes it as it comes, without
  // the description of columns that are known, and without an object for each row.
  class ExchangeQuery extends pg.Query {
    readonly #prepared: PreparedNames;
    #steps: readonly Step[];
    #resolve: (results: readonly StepResult[]) => void;
    #reject: (error: unknown) => void;
    #results: StepResult[] = [];
    #current: StepResult = { rows: [], affected: 0 };

    constructor(
      steps: readonly Step[],
      prepared: PreparedNames,
      resolve: (results: readonly StepResult[]) => void,
      reject: (error: unknown) => void,
    ) {
      super("");
      this.#steps = steps;
      this.#prepared = prepared;
      this.#resolve = resolve;
      this.#reject = reject;
      this.submit = (connection) => this.#send(connection as unknown as Wire);
    }

    #send(wire: Wire): Error | null {
      wire.stream.cork();
      try {
        for (const step of this.#steps) this.#sendStep(wire, step);
        wire.sync();
        return null;
      } catch (error) {
        // A value too large to be sent. What was sent before it must not be carried out with the next call.
        wire.stream.destroy();
        return new DbError("too-large", "the values are too large to be sent", { cause: error });
      } finally {
        wire.stream.uncork();
      }
    }

    #sendStep(wire: Wire, { text, name = "", values, copy, once }: Step): void {
      if (once === true && this.#prepared.has(name)) return;
      if (name === "" || !this.#prepared.has(name)) {
        if (name !== "") {
          // After an error it is not known which names the server took; to close one that it did not is no error.
          wire.close({ type: "S", name });
          this.#prepared.add(name);
        }
        wire.parse({ name, text });
      }
      if (values.length > mostValues) throw new RangeError(`a statement takes at most ${mostValues} values`);
      wire.bind({ statement: name, values, valueMapper: wireValue });
      wire.execute(null);
      if (copy === undefined) return;
      for (const chunk of copy) wire.sendCopyFromChunk(chunk);
      wire.endCopyFrom();
    }

    handleDataRow({ fields }: { fields: (string | null)[] }): void {
      this.#current.rows.push(fields);
    }

    handleCommandComplete({ text }: { text: string }): void {
      this.#current.affected = affectedOf(text);
      this.#results.push(this.#current);
      this.#current = { rows: [], affected: 0 };
    }

    handleReadyForQuery(): void {
      const [resolve, results] = [this.#resolve, this.#results];
      this.#letGo();
      resolve(results);
    }

    handleError(error: unknown): void {
      for (const { name } of this.#steps) if (name !== undefined) this.#prepared.delete(name);
      const reject = this.#reject;
      this.#letGo();
      reject(error);
    }

    /**
     * What has ended holds nothing. The objects of a socket's requests refer to the next ones: one that has grown old would
     * keep the rows of all that follow until the next full collection, which costs as much as reading them.
     */
    #letGo(): void {
      this.#steps = [];
      this.#results = [];
      this.#current = { rows: [], affected: 0 };
      this.#resolve = this.#reject = ignore;
      this.submit = ignore;
    }

    handleRowDescription(): void {
      // Not asked for; a simple query of pg itself would bring one.
    }

    handleEmptyQuery(): void {
      this.handleCommandComplete({ text: "" });
    }

    handleCopyInResponse(): void {
      // The data is on its way already.
    }
  }

  return (client, prepared, steps) =>
    new Promise((resolve, reject) => {
      client.query(new ExchangeQuery(steps, prepared, resolve, reject) as { submit: (connection: Connection) => void });
    });
}

const ignore = (): null => null;

/** `UPDATE 3`, `INSERT 0 5`, `CREATE TABLE`. */
function affectedOf(tag: string): number {
  const count = Number(tag.slice(tag.lastIndexOf(" ") + 1));
  return Number.isNaN(count) ? 0 : count;
}

function wireValue(value: Value): string | Buffer | null {
  if (value === null || typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value === "boolean") return value ? "t" : "f";
  return String(value);
}
