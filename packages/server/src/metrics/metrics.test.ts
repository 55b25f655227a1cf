import { describe, expect, it } from "vitest";

import { readExposition, valueOf } from "../../test/read-exposition.js";
import { exposition } from "./exposition.js";
import { mergeFamilies } from "./family.js";
import { Metrics } from "./metrics.js";

describe("metrics", () => {
  it("are text that Prometheus reads, whatever labels have in them", async () => {
    const metrics = new Metrics();
    const hostile = 'a"b\\c\nd{}=, é\\n';
    metrics.counter({ name: "a_total", help: "a \\ help\nof two lines", labels: ["one", "two"] }).add([hostile, ""], 2);
    const times = metrics.histogram({ name: "t_seconds", help: "times", labels: ["what"] });
    for (const seconds of [0, 0.001, 0.0011, 3, 1e6, 1e-9]) times.observe([hostile], seconds);
    metrics.read({ name: "g", help: "", read: () => [[[], -1.5e-7]] });
    metrics.counter({ name: "never_total", help: "nothing was counted" });
    const read = readExposition(exposition(await metrics.collect()));
    expect([...read.keys()]).toEqual(["a_total", "t_seconds", "g"]);
    expect(read.get("a_total")!.samples).toEqual([{ name: "a_total", labels: { one: hostile, two: "" }, value: 2 }]);
    expect(valueOf(read, "t_seconds_bucket", { le: "0.001" })).toBe(3);
    expect(valueOf(read, "t_seconds_bucket", { le: "10" })).toBe(5);
    expect(valueOf(read, "t_seconds_count", { what: hostile })).toBe(6);
    expect(valueOf(read, "g")).toBe(-1.5e-7);
  });

  it("have so many series and no more; the rest is one", async () => {
    const metrics = new Metrics();
    const counter = metrics.counter({ name: "a_total", help: "a", labels: ["x", "y"] });
    for (let i = 0; i < 3000; i++) counter.add([`made up ${i}`, "y"]);
    const [family] = await metrics.collect();
    expect(family!.series).toHaveLength(1001);
    expect(family!.series.find(({ labels }) => labels["x"] === "other")).toEqual({ labels: { x: "other", y: "other" }, values: [2000] });
  });

  it("of what cannot be read are left out; a counter stays as it was", async () => {
    const metrics = new Metrics();
    let isAway = false;
    const read = (): [string[], number][] => {
      if (isAway) throw new Error("away");
      return [[[], 5]];
    };
    metrics.read({ name: "g", help: "g", read });
    metrics.read({ name: "c_total", help: "c", type: "counter", read });
    expect(exposition(await metrics.collect())).toContain("g 5\n");
    isAway = true;
    expect(exposition(await metrics.collect())).toBe("# HELP c_total c\n# TYPE c_total counter\nc_total 5\n");
  });

  it("refuse names that are taken or are none", () => {
    const metrics = new Metrics();
    metrics.counter({ name: "a", help: "a" });
    expect(() => metrics.histogram({ name: "a", help: "a" })).toThrow("there is a metric a already");
    for (const name of ["", "1a", "a-b", 'a"'])
      for (const options of [{ name }, { name: "ok", labels: [name] }])
        expect(() => metrics.counter({ help: "", ...options })).toThrow("is no name of a metric or label");
  });

  it("of several processes are added up; gauges say whose they are, but of what is shared", async () => {
    const measured = await Promise.all(
      [1, 10].map(async (by, i) => {
        const metrics = new Metrics();
        metrics.counter({ name: "c_total", help: "c", labels: ["x"] }).add([`x${i}`, ""], by);
        metrics.counter({ name: "d_total", help: "d" }).add([], by);
        const times = metrics.histogram({ name: "t_seconds", help: "t" });
        for (let n = 0; n < by; n++) times.observe([], by);
        metrics.read({ name: "g", help: "g", read: () => [[[], by]] });
        metrics.read({ name: "s", help: "s", shared: true, read: () => [[[], by]] });
        return { worker: `web-${i}`, families: await metrics.collect() };
      }),
    );
    const read = readExposition(exposition(mergeFamilies(measured)));
    expect(["c_total", "d_total", "t_seconds_count", "t_seconds_sum", "s"].map((name) => valueOf(read, name))).toEqual([
      11, 11, 11, 101, 10,
    ]);
    expect(valueOf(read, "t_seconds_bucket", { le: "1" })).toBe(1);
    expect(read.get("g")!.samples.map(({ labels, value }) => [labels["worker"], value])).toEqual([
      ["web-0", 1],
      ["web-1", 10],
    ]);
    expect(read.get("c_total")!.samples).toHaveLength(2);
  });
});
