// What accounts keep: where they are and what they do, icons, files, pages, rows of the data API.

import { expect } from "vitest";
import sharp from "sharp";

import { type Actor, ask, type Part, read, readAll, type World } from "./actor.js";
import { Tally, Written } from "./outcomes.js";

/** What was written to each thing of an account, by its name. */
function writtenBy<T>(first: T): (actor: Actor, name: string) => Written<T> {
  const all = new Map<string, Written<T>>();
  return (actor, name) => {
    const key = `${actor.id} ${name}`;
    let written = all.get(key);
    if (written === undefined) all.set(key, (written = new Written(first)));
    return written;
  };
}

const nothing = undefined;

export function profiles(world: World): Part {
  const cities = writtenBy<string | null>(null);
  const statuses = writtenBy("");
  let count = 0;
  return {
    weight: 2,
    async act(actor) {
      const text = `t${++count}`;
      if (actor.random.chance(0.5)) {
        const { isKnown } = await ask(world, actor, "/account/update", { json: { city: text } });
        cities(actor, "").write(text, isKnown);
      } else {
        const { isKnown } = await ask(world, actor, "/status/put", { json: { status: text, _publish: true } });
        statuses(actor, "").write(text, isKnown);
      }
    },
    async check(actor) {
      const { id, city = null } = (await read(world, actor, "/account/get")).body as { readonly id: string; readonly city?: string };
      expect(id).toBe(actor.id);
      expect(cities(actor, "").possible).toContain(city);
      const { status } = (await read(world, actor, "/status/get")).body as { readonly status: string };
      expect(statuses(actor, "").possible).toContain(status);
    },
  };
}

interface Spot {
  readonly latitude: number;
  readonly longitude: number;
}

export function locations(world: World): Part {
  const spots = writtenBy<Spot | undefined>(nothing);
  const all = new Map<Actor, Spot[]>();
  return {
    weight: 1,
    async act(actor) {
      // Each on a latitude of its own, and every step is far.
      const before = all.get(actor) ?? [];
      const spot = { latitude: world.actors.indexOf(actor) * 2 - 50, longitude: before.length - 170 };
      all.set(actor, [...before, spot]);
      const { isKnown } = await ask(world, actor, "/location/put", { json: spot });
      spots(actor, "").write(spot, isKnown);
    },
    async check(actor) {
      const found: (Spot | undefined)[] = [];
      const other = world.actors.find((each) => each !== actor)!;
      for (const spot of all.get(actor) ?? []) {
        const rows = await readAll(world, other, "/location/search", { ...spot });
        found.push(...rows.filter(({ id }) => id === actor.id).map(() => spot));
      }
      expect(found.length, "an account is in one place").toBeLessThan(2);
      expect(spots(actor, "").possible).toContain(found[0]);
    },
  };
}

const colors = ["#ff0000", "#00ff00", "#0000ff", "#ffff00"] as const;
const picture = (color: string): Promise<Buffer> =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: color } })
    .png()
    .toBuffer();

export function icons(world: World): Part {
  const drawn = writtenBy<string | undefined>(nothing);
  return {
    weight: 1,
    async act(actor) {
      const [color, type] = [actor.random.pick(colors), actor.random.pick(["0", "1"])];
      const icon = (await picture(color)).toString("base64");
      const { isKnown } = await ask(world, actor, "/account/put/icon", { json: { type, icon, _ext: "png" } });
      drawn(actor, type).write(color, isKnown);
    },
    async check(actor) {
      const rows = (await read(world, actor, "/account/select/icon")).body as readonly { readonly type: string }[];
      for (const type of ["0", "1"]) {
        const isThere = rows.some((row) => row.type === type);
        if (!isThere) {
          expect(drawn(actor, type).possible).toContain(undefined);
          continue;
        }
        // A row whose bytes are not there would be half of an icon.
        const { bytes } = await read(world, actor, `/account/get/icon?type=${type}`);
        const [r, g, b] = await sharp(bytes).raw().toBuffer();
        const color = `#${[r!, g!, b!].map((each) => each.toString(16).padStart(2, "0")).join("")}`;
        expect(drawn(actor, type).possible).toContain(color);
      }
    },
  };
}

export function files(world: World): Part {
  const texts = writtenBy<string | undefined>(nothing);
  let count = 0;
  return {
    weight: 2,
    async act(actor) {
      const name = actor.random.pick(["a.txt", "b.txt"]);
      const text = `${++count} ${"x".repeat(Math.floor(actor.random.next() * 5000))}`;
      if (actor.random.chance(0.8)) {
        const { isKnown } = await ask(world, actor, "/file/put", { json: { prefix: "load", name, text } });
        texts(actor, name).write(text, isKnown);
      } else {
        const { reply, isKnown } = await ask(world, actor, "/file/del", { json: { prefix: "load", name } }, [200, 404]);
        if (reply?.status === 404) expect(texts(actor, name).possible).toContain(undefined);
        texts(actor, name).write(nothing, isKnown);
      }
    },
    async check(actor) {
      const rows = await readAll(world, actor, "/file/select");
      for (const name of ["a.txt", "b.txt"]) {
        const isThere = rows.some((row) => row["name"] === name);
        const text = isThere ? (await read(world, actor, `/file/get?prefix=load&name=${name}`)).bytes.toString() : undefined;
        expect(texts(actor, name).possible, name).toContain(text);
      }
    },
  };
}

export function pages(world: World): Part {
  const contents = writtenBy<string | undefined>(nothing);
  const versions = new Map<string, Tally>();
  const idOf = (actor: Actor, name: string): string => `${actor.login}.${name}`;
  let count = 0;
  return {
    weight: 2,
    async act(actor) {
      const name = actor.random.pick(["a", "b"]);
      const content = `# Page ${++count}`;
      const { reply, isKnown } = await ask(world, actor, "/pages/put", { json: { id: idOf(actor, name), content } }, [200, 429]);
      if (reply?.status === 429) return;
      contents(actor, name).write(content, isKnown);
      const tally = versions.get(idOf(actor, name)) ?? new Tally();
      tally.add(isKnown);
      versions.set(idOf(actor, name), tally);
    },
    async check(actor) {
      for (const name of ["a", "b"]) {
        const id = idOf(actor, name);
        const tally = versions.get(id) ?? new Tally();
        const { reply } = await ask(world, actor, `/pages/get/${id}`, {}, [200, 404]);
        const page = reply!.status === 200 ? (reply!.body as { readonly content: string; readonly version: number }) : undefined;
        expect(contents(actor, name).possible).toContain(page?.content);
        if (page === undefined) continue;
        const history = await readAll(world, actor, `/pages/history/${id}`);
        // One after the other, none of them left out.
        expect(history.map(({ version }) => version)).toEqual(Array.from({ length: page.version }, (_, i) => page.version - i));
        expect(tally.admits(page.version), `versions of ${id}: ${page.version}`).toBe(true);
        const newest = (await read(world, actor, `/pages/history/${id}?version=${page.version}`)).body;
        expect(newest).toMatchObject({ content: page.content });
      }
    },
  };
}

/** The table that the servers serve beside those of the modules. */
export const dataTables = {
  load_half: { $table: { owner: "owner" }, id: { primary: 1, pub: true }, owner: { index: 1 }, n: { type: "int" } },
};

export function data(world: World): Part {
  const pairs = writtenBy<number | undefined>(nothing);
  const sums = new Map<Actor, Tally>();
  const sumOf = (actor: Actor): Tally => sums.get(actor) ?? sums.set(actor, new Tally()).get(actor)!;
  let count = 0;
  const rowOf = async (actor: Actor, name: string): Promise<{ readonly n?: number }> => {
    const { reply } = await ask(world, actor, `/data/get/load_half?id=${actor.login}.${name}`, {}, [200, 404]);
    return reply!.status === 200 ? (reply!.body as { readonly n: number }) : {};
  };
  return {
    weight: 2,
    async act(actor) {
      if (actor.random.chance(0.5)) {
        const json = { id: `${actor.login}.sum`, n: 1 };
        const { isKnown } = await ask(world, actor, "/data/incr/load_half", { json });
        sumOf(actor).add(isKnown);
        return;
      }
      const n = ++count;
      const items = ["left", "right"].map((half) => ({ op: "put", table: "load_half", row: { id: `${actor.login}.${half}`, n } }));
      const { isKnown } = await ask(world, actor, "/data/batch", { json: { items, atomic: true } });
      pairs(actor, "").write(n, isKnown);
    },
    async check(actor) {
      const [left, right, sum] = await Promise.all(["left", "right", "sum"].map((name) => rowOf(actor, name)));
      expect(left!.n, "two rows of one batch").toBe(right!.n);
      expect(pairs(actor, "").possible).toContain(left!.n);
      expect(sumOf(actor).admits(sum!.n ?? 0), `sum of ${actor.login}: ${sum!.n}`).toBe(true);
    },
  };
}
