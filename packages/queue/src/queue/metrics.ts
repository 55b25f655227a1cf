/** Counts of one queue object since it was opened. */
export interface QueueMetrics {
  /** Messages that were added. */
  readonly submitted: number;
  /** Messages that were not added because an equal one was there. */
  readonly duplicates: number;
  /** Deliveries, by how they ended. */
  readonly done: number;
  readonly failed: number;
  readonly dead: number;
  readonly dropped: number;
  readonly lost: number;
  /** Handlers that run now. */
  readonly running: number;
  /** Milliseconds that handlers took, in all. */
  readonly handlerMs: number;
}

export type Counts = { -readonly [name in keyof QueueMetrics]: number };

export const noCounts = (): Counts => ({
  submitted: 0,
  duplicates: 0,
  done: 0,
  failed: 0,
  dead: 0,
  dropped: 0,
  lost: 0,
  running: 0,
  handlerMs: 0,
});
