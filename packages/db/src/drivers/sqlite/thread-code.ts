// What runs in a thread of the driver: a connection of its own, and one statement after another. The thread is made from the
// text of this function, so that bundles and other runtimes need no file for it.

import type { Value, Values } from "../../driver.js";
import { wordsOf } from "../../reference/search-query.js";

export interface ThreadSettings {
  readonly path: string;
  readonly readonly: boolean;
  readonly blockMs: number;
  /** Sets the connection up. */
  readonly setUp: string;
  /** `node:sqlite`, or the path of better-sqlite3. */
  readonly client: string;
  /** The SQL function that gives the words of texts. */
  readonly wordsFunction: string;
  /** The SQL function that statements ask now and then whether to go on. */
  readonly goOnFunction: string;
  /** One number, shared: the statement that was given up last. */
  readonly givenUp: Int32Array;
}

export interface ThreadStatement {
  readonly id: number;
  readonly text: string;
  readonly values: Values;
  /** It gives rows; else the number of those that it changed. */
  readonly givesRows: boolean;
}

/** What a thread is sent: a statement, or the wish that it ends. */
export type ThreadMessage = ThreadStatement | "end";

/** What a thread sends: that it can begin, the answer of a statement, or that it has closed its connection. */
export type ThreadAnswer =
  | "ready"
  | "ended"
  | { readonly id: number; readonly rows: readonly (readonly Value[])[]; readonly affected: number }
  | { readonly id: number; readonly error: NativeError };

/** An error of the client, as it crosses threads. */
export interface NativeError {
  readonly message: string;
  readonly code: unknown;
  readonly errcode: unknown;
}

interface Database {
  prepare(text: string): Statement;
  exec(text: string): void;
  function(name: string, options: object, run: (...texts: (string | null)[]) => string): void;
  close(): void;
}

interface Statement {
  all(...values: readonly unknown[]): unknown[];
  run(...values: readonly unknown[]): { readonly changes: number | bigint };
  raw?(arrays: boolean): void;
  setReturnArrays?(arrays: boolean): void;
  setReadBigInts?(enabled: boolean): void;
}

/** The program of a thread. */
export function threadText(): string {
  return `(${serveStatements.toString()})(${wordsOf.toString()});`;
}

/**
 * Stands alone: it may name nothing of this file or its imports but types; what it needs of them it is given. Its own
 * functions are members, since compilers that keep the names of others wrap them in a function of theirs.
 */
function serveStatements(wordsIn: typeof wordsOf): void {
  const { parentPort, workerData } = process.getBuiltinModule("node:worker_threads");
  const settings = workerData as ThreadSettings;
  const { path, readonly, blockMs, client, givenUp } = settings;
  const port = parentPort!;
  const prepared = new Map<string, Statement>();
  let running = 0;

  const own = {
    open(): Database {
      type Opened = new (path: string, options: object) => Database;
      if (client !== "node:sqlite") {
        const better = process.getBuiltinModule("node:module").createRequire(client)(client) as Opened;
        return new better(path, { readonly, timeout: blockMs });
      }
      const { emitWarning } = process;
      // That the client is experimental, about which apps could do nothing, was kept quiet in the main thread too.
      process.emitWarning = () => undefined;
      const runtimes = (process.getBuiltinModule as (name: string) => unknown)(client) as { readonly DatabaseSync: Opened };
      process.emitWarning = emitWarning;
      return new runtimes.DatabaseSync(path, { readOnly: readonly, timeout: blockMs, enableForeignKeyConstraints: true });
    },

    prepare({ text, givesRows }: ThreadStatement): Statement {
      let statement = prepared.get(text);
      if (statement === undefined) {
        statement = database.prepare(text);
        if (givesRows) (statement.raw ?? statement.setReturnArrays)?.call(statement, true);
        // Texts are as many as the shapes of the app's queries.
        if (prepared.size >= 500) prepared.clear();
        prepared.set(text, statement);
      }
      return statement;
    },

    allOf(statement: Statement, values: Values): Value[][] {
      try {
        return statement.all(...values) as Value[][];
      } catch (error) {
        if ((error as { code?: unknown }).code !== "ERR_OUT_OF_RANGE") throw error;
        // An integer beyond what a double holds comes as a bigint, of which the column's decoder says what is wrong.
        statement.setReadBigInts!(true);
        try {
          return (statement.all(...values) as Value[][]).map((row) =>
            row.map((value) => (typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value)),
          );
        } finally {
          statement.setReadBigInts!(false);
        }
      }
    },

    answerTo(request: ThreadStatement): ThreadAnswer {
      const { id, values, givesRows } = request;
      try {
        const statement = own.prepare(request);
        if (givesRows) return { id, rows: own.allOf(statement, values), affected: 0 };
        return { id, rows: [], affected: Number(statement.run(...values).changes) };
      } catch (error) {
        const { message, code, errcode } = error as { message: string; code?: unknown; errcode?: unknown };
        return { id, error: { message, code, errcode } };
      }
    },

    send(answer: ThreadAnswer): void {
      port.postMessage(answer);
    },
  };

  const database = own.open();
  database.exec(settings.setUp);
  database.function(settings.wordsFunction, { deterministic: true, varargs: true }, (...texts) =>
    texts.flatMap((text) => wordsIn(text ?? "")).join(" "),
  );
  database.function(settings.goOnFunction, { deterministic: false, varargs: false }, () =>
    Atomics.load(givenUp, 0) === running ? "given up" : "1",
  );
  port.on("message", (message: ThreadMessage) => {
    if (message === "end") {
      database.close();
      own.send("ended");
      return;
    }
    running = message.id;
    own.send(own.answerTo(message));
    running = 0;
  });
  own.send("ready");
}
