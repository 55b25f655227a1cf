// Names of channels, patterns, prefixes and groups.

import { expect, it } from "vitest";

import { collector } from "./collector.js";
import type { PubSubContext } from "./pubsub-context.js";
import { refused } from "./refused.js";

/** Of each pattern, what it takes and what not; `%` is a text of the test's own. */
const patterns: readonly { readonly pattern: string; readonly takes: readonly string[]; readonly not: readonly string[] }[] = [
  { pattern: "%.*", takes: ["%.a", "%.b", "%.ü", "%.a:b"], not: ["%", "%.a.b", "%x.a"] },
  { pattern: "%.>", takes: ["%.a", "%.a.b", "%.a.b.c"], not: ["%", "%x.a"] },
  { pattern: "%.*.c", takes: ["%.a.c"], not: ["%.c", "%.a.b.c", "%.a.d", "%.a"] },
  { pattern: "%.*.>", takes: ["%.a.b", "%.a.b.c"], not: ["%.a", "%"] },
  { pattern: "%.a?.*", takes: ["%.a?.x"], not: ["%.ab.x", "%.a.x"] },
  { pattern: "%.[ab].*", takes: ["%.[ab].x"], not: ["%.a.x"] },
  { pattern: "%.a\\b.*", takes: ["%.a\\b.x"], not: ["%.ab.x"] },
  { pattern: "%.#.*", takes: ["%.#.x"], not: ["%.a.x", "%.x", "%.a.b.x"] },
];

export function pubSubChannels({ open, fresh }: PubSubContext): void {
  it("takes names as they are, and keeps them apart", async () => {
    const bus = await open();
    const own = fresh();
    const channels = ["", ".a", ".A", ".a.b", ":messages", "-x_y", ".#", ".?", ".[a]", "/path", ".ünï", ".😀", ".{tag}", ".%2e", ".\\"].map(
      (end) => own + end,
    );
    const got = collector<string>();
    for (const channel of channels) await bus.subscribe<string>(channel, (sent, info) => got.add(`${sent} on ${info.channel}`));
    for (const channel of channels) await bus.publish(channel, channel);
    await got.has(channels.length);
    expect(got.items.toSorted()).toEqual(channels.map((channel) => `${channel} on ${channel}`).toSorted());
  });

  it("refuses names that an engine would take for something else", async () => {
    const bus = await open();
    const own = fresh();
    const wrong = [
      "",
      ".",
      `.${own}`,
      `${own}.`,
      `${own}..a`,
      `${own} a`,
      `${own}\ta`,
      `${own}\u0000`,
      `${own}\r\nPUB x`,
      `$SYS.${own}`,
      "x".repeat(256),
      "é".repeat(128),
      "\ud800",
    ];
    for (const name of [...wrong, undefined, 1, null] as string[]) {
      await refused(bus.publish(name, 1), "invalid", "none");
      await refused(bus.subscribe(name), "invalid", "none");
    }
    for (const name of [`${own}.*`, `${own}.>`, "*", ">", `${own}*`]) await refused(bus.publish(name, 1), "invalid", "none");
    for (const name of [`${own}*`, `${own}.a*`, `${own}.>.a`, `>.${own}`, `${own}.**`])
      await refused(bus.subscribe(name), "invalid", "none");
  });

  it("matches patterns part by part, or has none", async () => {
    const bus = await open();
    if (!bus.capabilities.wildcards) {
      await refused(bus.subscribe(`${fresh()}.*`), "unsupported", "none");
      return;
    }
    for (const { pattern, takes, not } of patterns) {
      const own = fresh();
      const named = (text: string): string => text.replace("%", own);
      const got = collector<string>();
      const subscription = await bus.subscribe<string>(named(pattern), (sent, { channel }) => {
        expect(channel).toBe(sent);
        got.add(sent);
      });
      for (const channel of [...not, ...takes].map(named)) await bus.publish(channel, channel);
      await got.has(takes.length);
      // Those of different channels may overtake each other.
      expect(got.items.toSorted()).toEqual(takes.map(named).toSorted());
      await subscription.close();
    }
  });

  it("gives a message once to each subscription that takes it, however they overlap", async () => {
    const bus = await open();
    if (!bus.capabilities.wildcards) return;
    const own = fresh();
    const got = collector<string>();
    const wanted = [`${own}.a`, `${own}.*`, `${own}.>`, `${own}.>`];
    for (const pattern of wanted) await bus.subscribe(pattern, () => got.add(pattern));
    await bus.publish(`${own}.a`, 1);
    await bus.publish(`${own}.a`, 2);
    await got.has(8);
    const end = collector();
    await bus.subscribe(`${own}.end`, (value) => end.add(value));
    await bus.publish(`${own}.end`, 1);
    await end.has(1);
    expect(got.items.filter((pattern) => pattern === `${own}.a`)).toHaveLength(2);
    expect(got.items.filter((pattern) => pattern === `${own}.*`).length).toBeGreaterThanOrEqual(2);
  });

  it("a prefix keeps buses apart, and callers do not see it", async () => {
    const own = fresh();
    const [one, two, bare] = [await open({ prefix: `${own}-1.` }), await open({ prefix: `${own}-2.` }), await open()];
    const got = collector<string>();
    await one.subscribe("news", (value, { channel }) => got.add(`one ${channel} ${String(value)}`));
    await two.subscribe("news", (value, { channel }) => got.add(`two ${channel} ${String(value)}`));
    await bare.publish(`${own}-1.news`, 1);
    await two.publish("news", 2);
    await one.publish("news", 3);
    await got.has(3);
    expect(got.items.toSorted()).toEqual(["one news 1", "one news 3", "two news 2"]);
    await refused(open({ prefix: "a b" }), "invalid");
    await refused(open({ prefix: "*." }), "invalid");
  });

  it("gives each message to one member of a group, or has no groups", async () => {
    const [bus, other] = [await open(), await open()];
    const channel = fresh();
    if (!bus.capabilities.groups) {
      await refused(
        bus.subscribe(channel, () => 0, { group: "workers" }),
        "unsupported",
        "none",
      );
      return;
    }
    const [members, alone] = [collector<number>(), collector<number>()];
    const counts = [0, 0, 0];
    for (const [at, member] of [bus, bus, other].entries())
      await member.subscribe<number>(
        channel,
        (n) => {
          counts[at]!++;
          members.add(n);
        },
        { group: "workers" },
      );
    await other.subscribe<number>(channel, (n) => alone.add(n), { group: "audit" });
    const numbers = Array.from({ length: 300 }, (_, n) => n);
    await Promise.all(numbers.map((n) => bus.publish(channel, n)));
    await members.has(300);
    await alone.has(300);
    expect(members.items.toSorted((a, b) => a - b)).toEqual(numbers);
    expect(alone.items).toEqual(numbers);
    for (const count of counts) expect(count).toBeGreaterThan(0);
    for (const group of ["", "a b", "a.b", "*", 1])
      await refused(
        bus.subscribe(channel, () => 0, { group: group as string }),
        "invalid",
        "none",
      );
  });
}
