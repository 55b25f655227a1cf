// What a person sees who opens the server's address: that it runs, what there is, what to do next.

import { html } from "hono/html";

import { version } from "../version.js";

/** No script, style or picture is loaded, and no other page may frame it. */
export const frontPageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
} as const;

/** Names no table: it needs no signature. */
export const frontPage = html`<!doctype html>
  <html lang="en">
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>bk-server</title>
    <style>
      body {
        font:
          16px/1.5 system-ui,
          sans-serif;
        max-width: 44em;
        margin: 3em auto;
        padding: 0 1em;
      }
    </style>
    <h1>bk-server ${version}</h1>
    <p>It runs. Rows are under <code>/data/</code>, for requests that are signed by an account.</p>
    <ul>
      <li><a href="/ping">/ping</a>: whether it runs, without a signature</li>
      <li><a href="/openapi.json">/openapi.json</a>: how to ask, without a signature</li>
      <li><code>/auth</code>: the account that signed</li>
      <li><code>/data/columns</code>: the tables and their columns, as far as the account sees them</li>
      <li><code>/data/select/TABLE</code>, <code>/data/get/TABLE</code>, <code>/data/put/TABLE</code> …: the rows</li>
    </ul>
    <p>To try it, where the server runs:</p>
    <pre>
bk-server account add --login me
bk-server request GET /data/columns --login me
bk-server request GET /data/columns --login me --curl</pre>
  </html> `.toString();
