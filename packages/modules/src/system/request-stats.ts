// What can be told of the requests to a server, by the names of the original collector.

import type { Clock } from "@bk/core";

import type { Hook, HookRequest, Outcome } from "../contract/hooks.js";
import { Histogram } from "./histogram.js";
import { Meter } from "./meter.js";
import type { StatPart } from "./stat-part.js";

/** What is told of the requests to one path, or to all. */
interface Watched {
  readonly meter: Meter;
  /** Milliseconds. */
  readonly times: Histogram;
  bad: number;
  failed: number;
}

export interface RequestStats {
  readonly hooks: readonly Hook[];
  /** @param since  what was added to a count since it was asked for before */
  read(since: (name: string, now: number) => number): Pick<StatPart, "sums" | "histograms">;
}

/** How many parts of a path its name has. */
const parts = 2;

/** @param maxPaths  most paths that are told apart: those that were first asked for with success, so that nobody makes up paths */
export function requestStats(clock: Clock, maxPaths: number): RequestStats {
  const watched = (): Watched => ({ meter: new Meter(clock), times: new Histogram(clock), bad: 0, failed: 0 });
  const all = watched();
  const atOnce = new Histogram(clock);
  const running = new Set<string>();
  const byStatus = new Map<number, number>();
  const paths = new Map<string, Watched>();

  function begin({ id }: HookRequest): void {
    // A batch asks for each of its items.
    if (running.has(id)) return;
    running.add(id);
    atOnce.add(running.size);
  }

  function end({ id, path }: HookRequest, { status, ms }: Outcome): void {
    running.delete(id);
    all.meter.add();
    all.times.add(ms);
    if (status >= 500) all.failed++;
    else if (status >= 400) all.bad++;
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
    const name = nameOf(path);
    let own = paths.get(name);
    if (own === undefined && status < 300 && paths.size < maxPaths) paths.set(name, (own = watched()));
    if (own === undefined) return;
    if (status >= 500) own.failed++;
    else if (status >= 400) own.bad += status === 404 ? 0 : 1;
    else if (status < 300) {
      own.meter.add();
      own.times.add(ms);
    }
  }

  return {
    hooks: [
      { on: "accessCheck", path: "/", run: begin },
      { on: "cleanup", path: "/", run: end },
    ],
    read(since) {
      const sums: Record<string, number> = { api_nreq: running.size };
      const histograms = { api_que: atOnce.state };
      const tell = (name: string, counts: string, { meter, times, bad, failed }: Watched): void => {
        const numbers = meter.numbers(name);
        Object.assign(histograms, { [name]: times.state });
        Object.assign(sums, numbers, {
          [`${name}_0`]: since(`${name}_0`, numbers[`${name}_rcnt`]!),
          [`${counts}_bad_0`]: since(`${counts}_bad_0`, bad),
          [`${counts}_err_0`]: since(`${counts}_err_0`, failed),
        });
      };
      tell("api_req", "api", all);
      for (const [status, count] of byStatus) sums[`api_${status}_0`] = since(`api_${status}_0`, count);
      for (const [name, one] of paths) tell(`url_${name}`, `url_${name}`, one);
      return { sums, histograms };
    },
  };
}

/** The first parts of a path, with an underscore between them; one inside a part is doubled. */
function nameOf(path: string): string {
  return path
    .split("/")
    .slice(1, parts + 1)
    .map((part) => part.replaceAll("_", "__"))
    .join("_");
}
