// A page as a document of its own: no script runs in it, nothing is loaded from elsewhere, and no other page may frame it.

import { createHash } from "node:crypto";

const style = `body{font:16px/1.6 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em}
pre{overflow:auto;padding:.8em;background:#f4f4f4}code{font-family:ui-monospace,monospace}
table{border-collapse:collapse}th,td{border:1px solid #ccc;padding:.2em .6em}
img{max-width:100%}blockquote{margin-left:0;padding-left:1em;border-left:3px solid #ccc}`;

const styleHash = createHash("sha256").update(style).digest("base64");

const headers: Readonly<Record<string, string>> = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${styleHash}'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
};

/** What a document shows; all of it HTML already. */
export interface Shown {
  /** The heading; none where it is empty. */
  readonly title: string;
  /** The name of the document; default the heading. */
  readonly tab?: string;
  readonly subtitle: string;
  readonly toc: string;
  readonly body: string;
}

export function documentReply({ title, tab = title, subtitle, toc, body }: Shown): Response {
  const part = (before: string, html: string, after: string): string => (html === "" ? "" : `${before}${html}${after}\n`);
  const text = `<!doctype html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${tab}</title>
<style>${style}</style>
</head>
<body>
${part("<header><h1>", title, "</h1></header>")}${part("<p>", subtitle, "</p>")}${part("<nav>", toc, "</nav>")}<main>
${body}</main>
</body>
</html>
`;
  return new Response(text, { headers });
}
