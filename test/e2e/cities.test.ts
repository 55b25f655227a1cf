// A real data set, imported by the command line and served over HTTP, must give the same answers on every engine.
import { writeFileSync } from "node:fs";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fixtures } from "../../packages/db/test/all-fixtures.js";
import { type Fixture, isWanted } from "../../packages/db/test/fixtures.js";
import { runCli, startServerProcess, temporaryFolder } from "../../packages/server/test/run-cli.js";
import { type City, readCities, tablesFile } from "./cities-table.js";
import { type Answer, ask, requireSuccess } from "./questions.js";

/** All rows everywhere; otherwise engines that take minutes for them get a slice alone. */
const isFull = process.env["BK_FULL_E2E"] === "1";
const isQuick = process.env["BK_TEST_QUICK"] === "1";

interface Engine {
  readonly id: string;
  readonly wanted: boolean;
  /** Whether an ordinary run imports every row, not only the slice. */
  readonly takesAll: boolean;
  open(): Promise<{ readonly url: string | undefined; readonly clean: () => Promise<void> }>;
}

/** The command line takes a URL alone: options go into it. */
function engineOf(fixture: Fixture, takesAll: boolean): Engine {
  return {
    id: fixture.name,
    wanted: isWanted(fixture),
    takesAll,
    async open() {
      const { url, options = {}, clean } = (await fixture.open())!;
      const query = new URLSearchParams(
        Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)])),
      ).toString();
      return { url: query === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${query}`, clean };
    },
  };
}

/** Those whose ordinary run imports every country, as SQLite's does: the others take long for it. */
const takingAll: ReadonlySet<string> = new Set(["pg"]);
/** They live in one process, or are what the server opens when it is told of none. */
const unnamed: ReadonlySet<string> = new Set(["memory", "sqlite"]);

const engines: readonly Engine[] = [
  {
    id: "sqlite",
    wanted: fixtures.some((fixture) => fixture.name === "sqlite" && isWanted(fixture)),
    takesAll: !isQuick,
    open: async () => ({ url: undefined, clean: async () => undefined }),
  },
  ...fixtures.filter(({ name }) => !unnamed.has(name)).map((fixture) => engineOf(fixture, takingAll.has(fixture.name))),
];

/** The countries that the questions are about. */
const asked = new Set(["AD", "MT", "IS", "IT", "FR"]);

/** Whether an ordinary run has a row: of the two large countries what the questions dwell on, and of the rest every tenth. */
function isKept({ country, admin1, name, lat }: City, index: number): boolean {
  if (isFull || index % 10 === 0) return true;
  if (country === "IT") return admin1 === "07";
  return country !== "FR" || name.startsWith("Saint-D") || (Number(lat) >= 48 && Number(lat) < 48.2);
}

const cities = readCities().filter(isKept);
const slice = cities.filter((city) => asked.has(city.country));
const folder = temporaryFolder();
const [citiesFile, sliceFile] = [folder.file("cities.json"), folder.file("slice.json")];
let reference: Answer[];

/** Imports a file with the command line, and gives the answers of a server on it. */
async function answersOf(home: string, url: string | undefined, file: string, rows: number): Promise<Answer[]> {
  const settings = ["--home", home, "--tables", tablesFile, ...(url === undefined ? [] : ["--db", url])];
  for (const [login, ...more] of [["reader"], ["admin", "--type", "admin"]] as const)
    requireSuccess(await runCli(["account", "add", "--login", login, "--secret", `secret of ${login}`, ...more, ...settings]));
  const imported = requireSuccess(await runCli(["import", "city", file, ...settings]));
  expect(imported).toBe(`city: ${rows} rows written\n`);
  await using server = await startServerProcess([...settings, "--port", "0", "--log-level", "warn"]);
  const answers = await ask(server.url);
  const { code, stderr } = await server.stop();
  expect([code, stderr]).toEqual([0, expect.not.stringMatching(/^(warn|error) /m)]);
  return answers;
}

const bodyOf = (question: string): unknown => reference.find((answer) => answer.question.includes(question))!.bodies[0];
const those = (test: (city: City) => boolean): City[] => slice.filter(test);

beforeAll(async () => {
  writeFileSync(citiesFile, JSON.stringify(cities));
  writeFileSync(sliceFile, JSON.stringify(slice));
  reference = await answersOf(folder.file("reference"), undefined, sliceFile, slice.length);
}, 120_000);
afterAll(() => folder[Symbol.dispose]());

describe("the cities", () => {
  it("are answered as counting them by hand says", () => {
    expect(reference.every(({ status }) => [200, 400, 403, 404, 409].includes(status))).toBe(true);
    expect(bodyOf("count/city?country=IT")).toEqual({ count: those((city) => city.country === "IT").length });
    expect(bodyOf("count/city?country=IT&admin1=07")).toEqual({
      count: those((city) => city.country === "IT" && city.admin1 === "07").length,
    });
    const band = those((city) => city.country === "FR" && Number(city.lat) >= 48 && Number(city.lat) <= 49);
    expect(bodyOf("lat=48,49")).toEqual({ count: band.length });
    expect(bodyOf("get/city?country=IT&name=Rome")).toEqual({
      country: "IT",
      place: "Rome|41.89193|12.51133",
      name: "Rome",
      lat: 41.89193,
      lng: 12.51133,
      admin1: "07",
      admin2: "RM",
      visits: 0,
    });
  });

  it("come in pages that have every row once", () => {
    const pages = reference.find(({ question }) => question.includes("admin1=07&_count=100"))!.bodies as {
      count: number;
      data: { place: string }[];
    }[];
    const places = pages.flatMap(({ data }) => data.map(({ place }) => place));
    expect(places.length).toBe(those((city) => city.country === "IT" && city.admin1 === "07").length);
    expect(new Set(places).size).toBe(places.length);
    expect(pages.slice(0, -1).every(({ count }) => count === 100)).toBe(true);
  });

  it("are not changed by who may not, nor asked for by what is not there", () => {
    expect(reference.filter(({ status }) => status >= 400).map(({ status, bodies }) => [status, ...bodies])).toEqual([
      [404, "not-found"],
      [403, "denied"],
      [400, "invalid"],
      [400, "invalid"],
      [409, "already-exists"],
    ]);
  });
});

for (const engine of engines) {
  describe.skipIf(!engine.wanted)(`driver: ${engine.id}`, () => {
    it("answers every question about the cities as the reference does", async () => {
      const all = engine.takesAll || isFull;
      const { url, clean } = await engine.open();
      try {
        const answers = await answersOf(
          folder.file(`home-${engine.id}`),
          url,
          all ? citiesFile : sliceFile,
          all ? cities.length : slice.length,
        );
        expect(answers).toEqual(reference);
      } finally {
        await clean();
      }
    }, 600_000);
  });
}
