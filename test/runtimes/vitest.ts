// What the behaviour suite uses of vitest, for runtimes that vitest does not run on: its own `expect`, and tests that are
// collected and then run one after the other.
import { ASYMMETRIC_MATCHERS_OBJECT, chai, JestAsymmetricMatchers, JestChaiExpect, JestExtend, setState } from "@vitest/expect";

chai.use(JestExtend);
chai.use(JestChaiExpect);
chai.use(JestAsymmetricMatchers);

type Work = () => unknown;

interface Test {
  readonly name: string;
  readonly work: Work;
  readonly kind: "passes" | "fails" | "skipped";
}

interface Group {
  readonly name: string;
  readonly before: Work[];
  readonly after: Work[];
  readonly members: (Test | Group)[];
}

const root: Group = { name: "", before: [], after: [], members: [] };
let open = root;

function add(name: string, work: Work, kind: Test["kind"]): void {
  open.members.push({ name, work, kind });
}

/** Of this much of vitest the suite makes use; what is missing here fails when it is called. */
export const expect = Object.assign(
  (value: unknown, message?: string) => chai.expect(value, message),
  chai.expect,
  (globalThis as Record<symbol, object>)[ASYMMETRIC_MATCHERS_OBJECT as unknown as symbol],
);
setState({ assertionCalls: 0, isExpectingAssertions: false } as never, expect as never);

export function describe(name: string, register: () => void): void {
  const outer = open;
  open = { name, before: [], after: [], members: [] };
  outer.members.push(open);
  register();
  open = outer;
}

export const it = Object.assign((name: string, work: Work) => add(name, work, "passes"), {
  fails: (name: string, work: Work) => add(name, work, "fails"),
  skip: (name: string, work: Work) => add(name, work, "skipped"),
});

export const beforeAll = (work: Work): void => void open.before.push(work);
export const afterAll = (work: Work): void => void open.after.push(work);

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Run {
  readonly counts: Counts;
  readonly report: (line: string) => void;
  readonly isWanted: (name: string) => boolean;
}

/**
 * Runs what was collected.
 *
 * @param report    takes a line for each test that failed
 * @param isWanted  says which tests run, by their whole name; default all
 */
export async function runTests(report: (line: string) => void, isWanted: (name: string) => boolean = () => true): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  await runGroup(root, [], { counts, report, isWanted });
  return counts;
}

async function runGroup(group: Group, path: readonly string[], run: Run): Promise<void> {
  const { counts, report, isWanted } = run;
  const refused = await errorOf(() => inOrder(group.before));
  if (refused !== undefined) report(`FAILED ${path.join(" > ")}: ${describeError(refused)}`);
  for (const member of group.members) {
    const name = [...path, member.name];
    if ("members" in member) {
      await runGroup(member, name, run);
      continue;
    }
    if (member.kind === "skipped" || !isWanted(name.join(" > "))) {
      counts.skipped++;
      continue;
    }
    const error = refused ?? (await errorOf(member.work));
    const passed = refused === undefined && (error === undefined) === (member.kind === "passes");
    counts[passed ? "passed" : "failed"]++;
    if (!passed) report(`FAILED ${name.join(" > ")}: ${error === undefined ? "a known defect passed" : describeError(error)}`);
  }
  const left = await errorOf(() => inOrder(group.after));
  if (left === undefined) return;
  counts.failed++;
  report(`FAILED ${path.join(" > ")}, at its end: ${describeError(left)}`);
}

async function inOrder(works: readonly Work[]): Promise<void> {
  for (const work of works) await work();
}

async function errorOf(work: Work): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error ?? new Error("something empty was thrown");
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { actual, expected } = error as { actual?: unknown; expected?: unknown };
  const shown = actual === undefined && expected === undefined ? "" : `\n  got ${show(actual)}\n  for ${show(expected)}`;
  return `${error.stack ?? error.message}${shown}${error.cause === undefined ? "" : `\ncause: ${describeError(error.cause)}`}`;
}

function show(value: unknown): string {
  try {
    return (JSON.stringify(value, (_name, each: unknown) => (typeof each === "bigint" ? `${each}n` : each)) ?? String(value)).slice(0, 500);
  } catch {
    // Cyclic; its message has to do.
    return String(value);
  }
}
