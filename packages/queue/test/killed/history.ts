// What workers wrote down, and what explains it.

/** A span of time, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What befell the workers. */
export interface Events {
  /** When each process was killed, by its id. */
  readonly kills: ReadonlyMap<number, number>;
  /** When the broker was away, and as long before and after as a message may need to come back. */
  readonly restart: Span | undefined;
}

interface Line {
  readonly kind: "done" | "begin" | "end";
  readonly key: string;
  readonly pid: number;
  readonly at: number;
}

export class History {
  readonly #lines: readonly Line[];

  constructor(text: string) {
    // The last line is not whole while it is written.
    this.#lines = text
      .split("\n")
      .slice(0, -1)
      .map((line) => {
        const [kind, key, pid, at] = line.split(" ");
        return { kind: kind as Line["kind"], key: key!, pid: Number(pid), at: Number(at) };
      });
  }

  /** How often a message was handled to its end. */
  get deliveries(): number {
    return this.#lines.filter(({ kind }) => kind === "done").length;
  }

  /** The messages that were handled to their end. */
  get done(): ReadonlySet<string> {
    return new Set(this.#lines.filter(({ kind }) => kind === "done").map(({ key }) => key));
  }

  /** How often turns were taken. */
  get turns(): number {
    return this.#lines.filter(({ kind }) => kind === "end").length;
  }

  /** Messages that were handled again though nothing befell the one who had handled them before. */
  unexplained({ kills, restart }: Events): readonly string[] {
    const before = new Map<string, Line>();
    const found: string[] = [];
    for (const line of this.#lines) {
      if (line.kind !== "done") continue;
      const { pid, at } = before.get(line.key) ?? {};
      const isExplained = pid === undefined || kills.has(pid) || (restart !== undefined && at! >= restart.from && at! <= restart.to);
      if (!isExplained) found.push(`${line.key} of ${pid} and ${line.pid}`);
      before.set(line.key, line);
    }
    return found;
  }

  /** Turns that began while another of the same key had neither ended nor died. */
  together({ kills }: Events): readonly string[] {
    const holders = new Map<string, Line>();
    const found: string[] = [];
    for (const line of this.#lines) {
      const holder = holders.get(line.key);
      if (line.kind === "end" && holder?.pid === line.pid) holders.delete(line.key);
      if (line.kind !== "begin") continue;
      if (holder !== undefined && (kills.get(holder.pid) ?? Infinity) > line.at) found.push(`${line.key} of ${holder.pid} and ${line.pid}`);
      holders.set(line.key, line);
    }
    return found;
  }
}
