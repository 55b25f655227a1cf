// Two servers as processes on one database, cache and bus; one of them is killed.

import { once } from "node:events";

import { signRequest } from "@bk/auth";
import pg from "pg";
import { expect } from "vitest";

import type { Random } from "../../../db/test/model/random.js";
import { type RunningServer, startServerProcess } from "../run-cli.js";

export interface Login {
  readonly login: string;
  readonly secret: string;
}

export interface Asked {
  readonly method?: "GET" | "POST";
  readonly json?: unknown;
  /** Who signs; absent: nobody. */
  readonly by?: Login;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Reply {
  readonly status: number;
  readonly bytes: Buffer;
  /** The JSON of the body. */
  readonly body: unknown;
}

export interface Place {
  /** Of PostgreSQL. */
  readonly url: string;
  readonly schema: string;
  /** Arguments beside the database. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export class Servers {
  readonly #place: Place;
  readonly #running: RunningServer[] = [];
  #killed: RunningServer | undefined;
  #settled: Promise<void> | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  async start(name: string): Promise<void> {
    const { url, schema, args, env } = this.#place;
    const db = `${url}?schema=${schema}&applicationName=${this.#inDatabase(name)}`;
    this.#running.push(await startServerProcess([...args, "--port", "0", "--db", db], { env }));
  }

  /** What its connections are called there. */
  #inDatabase(name: string): string {
    return `${this.#place.schema}_${name}`;
  }

  get urls(): readonly string[] {
    return this.#running.map(({ url }) => url);
  }

  pick(random: Random): string {
    return random.pick(this.#running).url;
  }

  /** One that is not this one, where there is one. */
  other(url: string): string {
    return this.urls.find((each) => each !== url) ?? url;
  }

  isKilled(url: string): boolean {
    return this.#killed?.url === url;
  }

  /** Kills the first one. From then on no other is asked; what it has begun ends when the database has noticed. */
  kill(name: string): Promise<void> {
    const server = (this.#killed = this.#running.shift()!);
    return (this.#settled = (async () => {
      const ended = once(server.child, "exit");
      server.child.kill("SIGKILL");
      await ended;
      await noConnectionsOf(this.#place.url, this.#inDatabase(name));
    })());
  }

  /**
   * Sends a request.
   *
   * @param url  of the server; default one of those that run
   * @returns undefined when the server was killed before it had replied: nobody knows what was done. Nothing of it goes on any more.
   */
  async ask(random: Random, path: string, asked: Asked = {}): Promise<Reply | undefined> {
    const url = this.pick(random);
    try {
      return await send(url, path, asked);
    } catch (error) {
      if (!this.isKilled(url)) throw error;
      await this.#settled;
      return undefined;
    }
  }

  /** Ends all of them; gives what they wrote to standard error. */
  async stop(signal?: NodeJS.Signals): Promise<string[]> {
    const ends = await Promise.all(this.#running.splice(0).map((server) => server.stop(signal)));
    return ends.map(({ stderr }) => stderr);
  }
}

export async function send(url: string, path: string, { method, json, by, headers = {} }: Asked = {}): Promise<Reply> {
  const verb = method ?? (json === undefined ? "GET" : "POST");
  const body = json === undefined ? undefined : JSON.stringify(json);
  const signature = by === undefined ? {} : await signRequest({ method: verb, url: url + path, body, login: by.login, secret: by.secret });
  const given = {
    method: verb,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...signature, ...headers },
  };
  const response = await fetch(url + path, body === undefined ? given : { ...given, body });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return { status: response.status, bytes, body: isJson && bytes.length > 0 ? (JSON.parse(bytes.toString()) as unknown) : undefined };
}

/** Waits until the database has ended what a killed process had sent it. */
async function noConnectionsOf(url: string, name: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const left = async (): Promise<unknown[]> =>
      (await client.query("SELECT state, wait_event, query FROM pg_stat_activity WHERE application_name = $1", [name])).rows;
    await expect.poll(left, { timeout: 20_000, message: "connections of a killed server" }).toEqual([]);
  } finally {
    await client.end();
  }
}
