/**
 * The table of work queues in a database, to be declared beside the app's own: `openDb({ tables: { ...own, ...queueTables } })`.
 *
 * One row is one message; a dead one has no `due`. A message with a `dedupeKey` has its key in place of its id, so that the key of the table
 * keeps equal ones out.
 */
export const queueTables = {
  bk_queue: {
    queue: { primary: 1, index: 1, index1: 1 },
    id: { primary: 2 },
    message: {},
    body: {},
    /** When it may be taken, or comes back by itself, in milliseconds since 1970. */
    due: { type: "bigint", index: 2 },
    attempts: { type: "int" },
    /** The take that has it. */
    owner: {},
    /** When it became a dead one. */
    dead: { type: "bigint", index1: 2 },
    error: {},
  },
} as const;

/** A row of the table. */
export interface QueueRow {
  readonly queue: string;
  readonly id: string;
  readonly message: string;
  readonly body: string;
  readonly due: number | null;
  readonly attempts: number;
  readonly owner: string | null;
  readonly dead: number | null;
  readonly error: string | null;
}
