import { afterEach, describe, expect, it, vi } from "vitest";
import { testClock } from "./clock.js";
import { BkError } from "./errors.js";
import { consoleLog, logLevels, silentLog } from "./log.js";

function lines(options: { level?: "debug" | "info" | "warn" | "error" } = {}): { log: ReturnType<typeof consoleLog>; written: string[] } {
  const written: string[] = [];
  return { log: consoleLog({ ...options, write: (line) => written.push(line) }), written };
}

describe("consoleLog", () => {
  afterEach(() => vi.restoreAllMocks());

  it.each(logLevels)("at level %s writes that level and what is more serious", (level) => {
    const { log, written } = lines({ level });
    for (const each of logLevels) log[each]("x");
    expect(written).toEqual(logLevels.slice(logLevels.indexOf(level)).map((each) => `${each} x`));
  });

  it("writes from info up by default", () => {
    const { log, written } = lines();
    log.debug("x");
    log.info("y");
    expect(written).toEqual(["info y"]);
  });

  it("writes one line a message, fields as JSON, line breaks taken out", () => {
    const { log, written } = lines();
    log.warn("a\nerror forged", { port: 1, big: 2n, cause: new Error("x"), empty: undefined });
    log.info("bare", {});
    expect(written).toEqual(['warn a error forged {"port":1,"big":"2","cause":{"name":"Error","message":"x"}}', "info bare"]);
  });

  it("writes for people: the time of day, the level, fields by name, colors where they are wanted", () => {
    const written: string[] = [];
    const options = { format: "pretty", clock: testClock({ now: 1_000 }), write: (line: string) => void written.push(line) } as const;
    consoleLog({ ...options, colors: false }).info("GET / 200", { ms: 5, why: "no login", from: "::1", list: [1], none: undefined });
    consoleLog({ ...options, colors: true }).error("INFO\nERROR\u001b[2J");
    expect(written).toEqual([
      '00:00:01.000 INFO  GET / 200 ms=5 why="no login" from=::1 list=[1]',
      "00:00:01.000 \u001b[31mERROR\u001b[39m INFO ERROR\\u001b[2J",
    ]);
  });

  it("does not write the cause of an error", () => {
    const { log, written } = lines();
    log.error("failed", { error: new BkError("internal", "above", { cause: new Error("hunter2") }) });
    expect(written[0]).toContain("above");
    expect(written[0]).not.toContain("hunter2");
  });

  it("does not fail on fields that have no JSON", () => {
    const { log, written } = lines();
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    log.info("x", cyclic);
    expect(written).toEqual(['info x {"fields":["self"],"note":"not serializable"}']);
  });

  it("escapes what would move a terminal's cursor, end a line or turn its direction, in messages and fields", () => {
    const hostile = "\u001b[2J\u0007\u0000\u0085\u2028\u202e";
    for (const format of ["text", "json"] as const) {
      const written: string[] = [];
      consoleLog({ format, write: (line) => written.push(line) }).info(`x${hostile}`, { path: hostile });
      expect(written[0]).toMatch(/^[\x20-\x7e]+$/);
    }
  });

  it("writes JSON objects with the time, the level and the fields, which read back as they were", () => {
    const written: string[] = [];
    const log = consoleLog({ format: "json", clock: testClock({ now: 0 }), write: (line) => written.push(line) });
    log.info("a\nb\u202e", { path: "/\u0085", big: 1n });
    log.warn("bare");
    expect(written.map((line) => JSON.parse(line) as unknown)).toEqual([
      { time: "1970-01-01T00:00:00.000Z", level: "info", message: "a\nb\u202e", path: "/\u0085", big: "1" },
      { time: "1970-01-01T00:00:00.000Z", level: "warn", message: "bare" },
    ]);
  });

  it("writes to standard error, never to standard output", () => {
    const toError = vi.spyOn(console, "error").mockReturnValue(undefined);
    const toOutput = vi.spyOn(console, "log").mockReturnValue(undefined);
    consoleLog().info("x");
    expect(toError).toHaveBeenCalledWith("info x");
    expect(toOutput).not.toHaveBeenCalled();
  });
});

describe("silentLog", () => {
  it("writes nothing", () => {
    const spies = (["error", "warn", "info", "log", "debug"] as const).map((name) => vi.spyOn(console, name).mockReturnValue(undefined));
    for (const level of logLevels) silentLog[level]("x");
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});
