import { expect, it } from "vitest";
import { type Closable, NamedClients } from "./named-clients.js";

class Client implements Closable {
  readonly name: string;
  readonly spec: string;
  readonly log: string[];
  constructor(name: string, spec: string, log: string[]) {
    [this.name, this.spec, this.log] = [name, spec, log];
    log.push(`open ${spec}`);
  }
  async close(): Promise<void> {
    this.log.push(`close ${this.spec}`);
  }
}

async function make(specs: Record<string, string>) {
  const log: string[] = [];
  const open = async (name: string, spec: string): Promise<Client> => {
    if (spec === "wrong") throw new Error("wrong");
    return new Client(name, spec, log);
  };
  const check = async ({ spec }: Client): Promise<void> => {
    if (spec === "away") throw new Error("away");
    log.push(`reached ${spec}`);
  };
  return { log, all: await NamedClients.open<Client, string>({ what: "openThings", open, check }, specs) };
}

it("gives clients by name, of several one after the other, and refuses other names unless told what stands in", async () => {
  const { all } = await make({ default: "d", a: "x", b: "y" });
  expect(all.get().spec).toBe("d");
  expect([1, 2, 3].map(() => all.get(["a", "b"]).spec)).toEqual(["x", "y", "x"]);
  expect(() => all.get("c")).toThrow(
    expect.objectContaining({ code: "invalid", message: 'openThings: there is no "c"; there are default, a, b' }),
  );
  expect(() => all.get([])).toThrow(expect.objectContaining({ code: "invalid" }));
  expect(() => all.get("constructor")).toThrow(expect.objectContaining({ code: "invalid" }));
  expect(all.get("c", { fallback: true }).spec).toBe("d");
});

it("replaces a client: the new one is reached, what is kept begins on it, then the old one ends", async () => {
  const { all, log } = await make({ a: "old" });
  const begin = async ({ spec }: Client): Promise<Closable> => {
    log.push(`begin ${spec}`);
    return { close: async () => void log.push(`end ${spec}`) };
  };
  const kept = await all.keep("a", begin);
  await all.reconfigure("a", "old");
  await all.reconfigure("a", "new");
  expect(all.get("a").spec).toBe("new");
  expect(log).toEqual(["open old", "begin old", "open new", "reached new", "begin new", "end old", "close old"]);
  await kept.close();
  await all.reconfigure("a", "third");
  await all.close();
  expect(log.slice(7)).toEqual(["end new", "open third", "reached third", "close new", "close third"]);
});

it("leaves all as it was when the new one is wrong or is not reached, or what is kept cannot begin", async () => {
  const { all, log } = await make({ a: "old" });
  await all.keep("a", async ({ spec }) => {
    if (spec === "strict") throw new Error("not here");
    return { close: async () => void log.push(`end ${spec}`) };
  });
  for (const spec of ["wrong", "away", "strict"]) await expect(all.reconfigure("a", spec)).rejects.toThrow();
  expect(all.get("a").spec).toBe("old");
  expect(log).toEqual(["open old", "open away", "close away", "open strict", "reached strict", "close strict"]);
});

it("makes replacements one after the other, and takes a new name", async () => {
  const { all } = await make({});
  await Promise.all([all.reconfigure("a", "1"), all.reconfigure("a", "2"), all.reconfigure("b", "3")]);
  expect([all.get("a").spec, all.get("b").spec, all.names]).toEqual(["2", "3", ["a", "b"]]);
  await expect(all.reconfigure("A b", "4")).rejects.toMatchObject({ code: "invalid", detail: { field: "name" } });
});

it("closes what it has opened when another cannot be, and is closed once", async () => {
  await expect(make({ a: "x", b: "wrong" })).rejects.toThrow("wrong");
  const { all, log } = await make({ a: "x" });
  await Promise.all([all.close(), all.close()]);
  expect(log).toEqual(["open x", "close x"]);
  expect(() => all.get("a")).toThrow(expect.objectContaining({ code: "closed" }));
  await expect(all.reconfigure("a", "y")).rejects.toMatchObject({ code: "closed" });
});
