// The primary puts together what its processes measure. What a process has counted stays when it is gone, so that counters never fall.

import type { Family, Measured } from "../metrics/family.js";
import { isCumulative, mergeFamilies } from "../metrics/family.js";
import type { Child } from "./child.js";
import type { Gathered, GatheredKind } from "./messages.js";

interface Member {
  readonly name: string;
  readonly child: Child;
  /** What it told last. */
  families: readonly Family[];
}

/** How long an answer is waited for; the next process that asks finds those that were busy. */
const patienceMs = 2000;

export class Gatherer {
  readonly #own: () => Promise<readonly Family[]>;
  readonly #patienceMs: number;
  readonly #members = new Set<Member>();
  #ofGone: readonly Family[] = [];

  /** @param own  what the primary measures */
  constructor(own: () => Promise<readonly Family[]>, waitMs = patienceMs) {
    this.#own = own;
    this.#patienceMs = waitMs;
  }

  /** One more process. @param name  such as `web-0` */
  add(name: string, child: Child): void {
    const member: Member = { name, child, families: [] };
    this.#members.add(member);
    child.onLast = (families) => (member.families = families);
    // Once nothing more can come from it.
    void child.gone.then(() => {
      this.#members.delete(member);
      this.#ofGone = mergeFamilies([this.#ofGone, member.families.filter(isCumulative)].map((families) => ({ worker: "", families })));
    });
  }

  /** What all processes measured. `bk_process_answered` says who did not answer; of those there is what they had counted before. */
  async families(): Promise<Family[]> {
    const own = await this.#own();
    const asked = [...this.#members].filter(({ child }) => child.isReady);
    const silent = new Set<Member>();
    await Promise.all(
      asked.map(async (member) => {
        const families = (await member.child.ask("metrics", this.#patienceMs)) as readonly Family[] | null | undefined;
        if (families === undefined) silent.add(member);
        else member.families = families ?? [];
      }),
    );
    const measured: Measured[] = [
      { worker: "primary", families: own },
      { worker: "", families: this.#ofGone },
    ];
    const answered: Family["series"][number][] = [];
    for (const member of this.#members) {
      const isWhole = asked.includes(member) && !silent.has(member) && !member.child.isEnding;
      measured.push({ worker: member.name, families: isWhole ? member.families : member.families.filter(isCumulative) });
      if (asked.includes(member) && !member.child.isEnding)
        answered.push({ labels: { worker: member.name }, values: [silent.has(member) ? 0 : 1] });
    }
    const help = "Whether a process told what it measured; 0: it did not answer in time";
    return [...mergeFamilies(measured), { name: "bk_process_answered", help, type: "gauge", series: answered }];
  }

  /** What each process says for its statistics; undefined of one that does not answer. Processes that have none are left out. */
  async parts(): Promise<Record<string, unknown>> {
    const asked = [...this.#members].filter(({ child }) => child.isReady && !child.isEnding);
    const parts = await Promise.all(asked.map(async ({ name, child }) => [name, await child.ask("stats", this.#patienceMs)] as const));
    return Object.fromEntries(parts.filter(([, part]) => part !== null));
  }

  /** What a process asks the primary for. */
  gather(kind: GatheredKind): Promise<Gathered> {
    return kind === "metrics" ? this.families() : this.parts();
  }
}
