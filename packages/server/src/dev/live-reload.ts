// For development: pages in browsers load themselves anew when a file of theirs changes, or another process serves them.

import { randomUUID } from "node:crypto";

import type { Log } from "@bk/core";
import type { Hono } from "hono";

import { replyHeaders } from "../error-response.js";
import { watchFolders } from "../processes/watch-folders.js";
import type { ServerEnv } from "../routes/server-context.js";

export interface LiveReload {
  /** Puts the script into pages. It stands before all else, so that it sees what is sent. */
  add(app: Hono<ServerEnv>): void;
  /** Browsers look for the next process. */
  close(): void;
}

const scriptPath = "/_bk/reload.js";
const eventsPath = "/_bk/reload";

/** The page knows which state it is of: one that began to listen late reloads at once. */
const script = `(() => {
  const state = new URL(document.currentScript.src).searchParams.get("state");
  new EventSource("${eventsPath}").onmessage = ({ data }) => {
    if (data !== state) location.reload();
  };
})();
`;

/** @param folders  the files of pages */
export function liveReload(folders: readonly string[], log: Log): LiveReload {
  const process = randomUUID();
  let changes = 0;
  let isClosed = false;
  const listeners = new Set<ReadableStreamDefaultController<Uint8Array>>();
  const state = (): string => `${process}.${changes}`;
  const event = (): Uint8Array => new TextEncoder().encode(`retry: 200\ndata: ${state()}\n\n`);
  const watching = watchFolders(
    folders,
    (file) => {
      changes++;
      log.info(`${file} changed: pages are loaded anew`);
      for (const listener of listeners) listener.enqueue(event());
    },
    { matches: /[^~]$/ },
  );

  function events(): ReadableStream<Uint8Array> {
    let own: ReadableStreamDefaultController<Uint8Array>;
    return new ReadableStream({
      start(controller) {
        own = controller;
        own.enqueue(event());
        // Over a connection that it had already; the next one leads elsewhere.
        if (isClosed) own.close();
        else listeners.add(own);
      },
      cancel: () => void listeners.delete(own),
    });
  }

  return {
    add(app) {
      app.get(scriptPath, () => new Response(script, { headers: { ...replyHeaders, "content-type": "text/javascript; charset=utf-8" } }));
      app.get(eventsPath, () => new Response(events(), { headers: { ...replyHeaders, "content-type": "text/event-stream" } }));
      app.use(async (context, next) => {
        await next();
        const { req, res } = context;
        const isPage = res.headers.get("content-type")?.startsWith("text/html") === true && !res.headers.has("content-encoding");
        if (req.method !== "GET" || res.status !== 200 || !isPage) return;
        const text = await res.text();
        const headers = new Headers(res.headers);
        headers.delete("content-length");
        // A page of another state is another one.
        headers.delete("etag");
        headers.delete("last-modified");
        headers.set("cache-control", "no-store");
        const policy = headers.get("content-security-policy");
        if (policy !== null) headers.set("content-security-policy", withOwn(policy));
        // Hono would copy headers of the old one into the new.
        context.res = undefined;
        context.res = new Response(withScript(text, state()), { status: 200, headers });
      });
    },
    close() {
      isClosed = true;
      watching.close();
      for (const listener of listeners) listener.close();
      listeners.clear();
    },
  };
}

function withScript(page: string, state: string): string {
  const tag = `<script src="${scriptPath}?state=${state}"></script>`;
  const end = /<\/body>(?![^]*<\/body>)/i.exec(page);
  return end === null ? `${page}${tag}` : `${page.slice(0, end.index)}${tag}${page.slice(end.index)}`;
}

/** What a page allows, and our script beside it. */
function withOwn(policy: string): string {
  const own = new Map([
    ["script-src", "'self'"],
    ["connect-src", "'self'"],
  ]);
  const directives = policy.split(";").flatMap((text) => (text.trim() === "" ? [] : [text.trim()]));
  const changed = directives.map((directive) => {
    const [name = "", ...values] = directive.split(/\s+/);
    const more = own.get(name.toLowerCase());
    if (more === undefined) return directive;
    own.delete(name.toLowerCase());
    return [name, ...values.filter((value) => value !== "'none'"), more].join(" ");
  });
  // What is not said follows `default-src`; where that is not there either, everything is allowed.
  const usual = directives.find((directive) => /^default-src\s/i.test(directive));
  const rest =
    usual === undefined
      ? []
      : [...own].map(([name, value]) =>
          [
            name,
            ...usual
              .split(/\s+/)
              .slice(1)
              .filter((each) => each !== "'none'"),
            value,
          ].join(" "),
        );
  return [...changed, ...rest].join("; ");
}
