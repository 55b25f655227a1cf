// What a signed client asks a server that has the cities, in order. Every engine must answer it alike.

import type { CliResult } from "../../packages/server/test/run-cli.js";
import { signedFetch } from "../../packages/server/test/run-cli.js";

export interface Question {
  /** Who asks: `reader` has no rights of its own, `admin` all. */
  readonly as: "reader" | "admin";
  readonly path: string;
  readonly json?: unknown;
  /** Follow `next_token` to the last page. */
  readonly allPages?: boolean;
}

const rome = { country: "IT", name: "Rome", lat: 41.89193, lng: 12.51133 };
const nowhere = { country: "AD", name: "Nowhere ☂", lat: 42.5, lng: 1.5 };

export const questions: readonly Question[] = [
  { as: "reader", path: "/data/get/city?country=IT&name=Rome&lat=41.89193&lng=12.51133" },
  { as: "reader", path: "/data/get/city?country=IT&place=Rome|0|0" },
  { as: "reader", path: "/data/count/city?country=IT" },
  { as: "reader", path: "/data/select/city?country=AD" },
  { as: "reader", path: "/data/select/city?country=MT&_count=20", allPages: true },
  { as: "reader", path: "/data/select/city?country=MT&_count=20&_desc=1&_select=name", allPages: true },
  { as: "reader", path: "/data/select/city?country=IT&admin1=07&_count=100&_sort=place", allPages: true },
  { as: "reader", path: "/data/count/city?country=IT&admin1=07" },
  { as: "reader", path: "/data/select/city?country=FR&place_$begins_with=Saint-D&_select=name,admin2" },
  { as: "reader", path: "/data/select/city?country=FR&name=Saint-Denis" },
  { as: "reader", path: "/data/select/city?country=FR&lat_$ge=48.1&lat_$lt=48.2&_count=30", allPages: true },
  { as: "reader", path: "/data/count/city?country=FR&lat=48,49&_ops=lat,between" },
  { as: "reader", path: "/data/select/city?country=IS&_sort=-lat,name&_count=7", allPages: true },
  {
    as: "reader",
    path: "/data/select/city?_count=5",
    json: { country: "IS", $or: [{ lat: { $gt: 66 } }, { admin1: "39" }] },
    allPages: true,
  },
  { as: "reader", path: "/data/list/city", json: { _keys: [rome, nowhere, rome], _select: ["country", "name"] } },
  { as: "reader", path: "/data/put/city", json: nowhere },
  { as: "reader", path: "/data/select/city?country=IT&mayor=x" },
  { as: "reader", path: "/data/select/city?country=IT&lat=north" },
  { as: "admin", path: "/data/add/city?_returning=new", json: { ...nowhere, admin1: "99" } },
  { as: "admin", path: "/data/add/city", json: nowhere },
  { as: "reader", path: "/data/select/city?country=AD&admin1=99" },
  { as: "admin", path: "/data/incr/city?_returning=new", json: { ...nowhere, visits: 3 } },
  { as: "admin", path: "/data/update/city?_returning=new", json: { ...nowhere, admin1: "98", _where: { visits: { $gt: 2 } } } },
  { as: "admin", path: "/data/update/city", json: { ...nowhere, admin1: "97", _where: { visits: 100 } } },
  { as: "reader", path: "/data/count/city?country=AD&admin1=98" },
  { as: "reader", path: "/data/count/city?country=AD&admin1=99" },
  {
    as: "admin",
    path: "/data/batch",
    json: [
      { op: "incr", table: "city", row: { ...rome, visits: 1 }, _returning: "new" },
      { op: "del", table: "city", key: nowhere },
      { op: "del", table: "city", key: nowhere },
    ],
  },
  { as: "reader", path: "/data/count/city?country=AD" },
  { as: "admin", path: "/data/update/city", json: { ...rome, visits: 0 } },
];

export interface Answer {
  readonly question: string;
  readonly status: number;
  /** Bodies of the pages, without their tokens; of errors the code. */
  readonly bodies: readonly unknown[];
}

/** Asks everything, one after the other. */
export async function ask(url: string): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const question of questions) answers.push(await answerTo(url, question));
  return answers;
}

async function answerTo(url: string, { as, path, json, allPages = false }: Question): Promise<Answer> {
  const bodies: unknown[] = [];
  let status = 0;
  let token: string | undefined;
  do {
    const start = token === undefined ? "" : `${path.includes("?") ? "&" : "?"}_start=${token}`;
    const body = json === undefined ? undefined : JSON.stringify(json);
    const response = await signedFetch({
      method: body === undefined ? "GET" : "POST",
      url: url + path + start,
      body,
      login: as,
      secret: `secret of ${as}`,
    });
    const { next_token: next, ...rest } = (await response.json()) as { next_token?: string; code?: string; data?: unknown };
    status = response.status;
    bodies.push(status >= 400 ? rest.code : rest);
    token = allPages ? next : undefined;
  } while (token !== undefined);
  return { question: `${as} ${path}`, status, bodies };
}

/** Fails with what a command wrote, unless it went well. */
export function requireSuccess({ code, stdout, stderr }: CliResult): string {
  if (code !== 0) throw new Error(`the command ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
