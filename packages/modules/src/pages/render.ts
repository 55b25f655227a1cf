// Markdown to HTML that may stand in any page: what the text holds of HTML is shown as text, and what comes out is checked once more.

import type MarkdownIt from "markdown-it";
import type { IOptions } from "sanitize-html";

/** A text as HTML. */
export interface Rendered {
  readonly html: string;
  /** The text of the first heading of the first level; undefined when there is none. */
  readonly title: string | undefined;
  /** The headings as lists of links; empty without headings. */
  readonly toc: string;
}

export interface Renderer {
  render(markdown: string): Rendered;
  /** One line, such as a subtitle. */
  renderLine(markdown: string): string;
  /** Text as it is, for HTML. */
  escape(text: string): string;
}

interface Heading {
  readonly level: number;
  readonly text: string;
  readonly id: string;
}

let loading: Promise<Renderer> | undefined;

/** Loads what renders at its first use, for most programs never need it. */
export function loadRenderer(): Promise<Renderer> {
  return (loading ??= Promise.all([import("markdown-it"), import("sanitize-html")]).then(([markdown, sanitize]) =>
    rendererOf(markdown.default, sanitize.default),
  ));
}

const sanitizing: IOptions = {
  allowedTags: "h1 h2 h3 h4 h5 h6 p blockquote ul ol li hr pre code table thead tbody tr th td strong em s a img br".split(" "),
  allowedAttributes: {
    a: ["href", "title", "rel"],
    img: ["src", "alt", "title"],
    ol: ["start"],
    ...Object.fromEntries(["h1", "h2", "h3", "h4", "h5", "h6"].map((name) => [name, ["id"]])),
  },
  allowedClasses: { code: ["language-*"] },
  allowedSchemes: ["http", "https", "mailto"],
  allowedSchemesByTag: { img: ["http", "https"] },
  allowProtocolRelative: false,
};

function rendererOf(Markdown: typeof MarkdownIt, sanitizeHtml: (html: string, options: IOptions) => string): Renderer {
  const markdown = new Markdown({ html: false });
  const options: IOptions = {
    ...sanitizing,
    transformTags: { a: (tagName, attribs) => ({ tagName, attribs: { ...attribs, rel: "noopener noreferrer nofollow" } }) },
  };
  const escape = (text: string): string => markdown.utils.escapeHtml(text);
  return {
    escape,
    renderLine: (text) => sanitizeHtml(markdown.renderInline(text), options),
    render(text) {
      const env = {};
      const tokens = markdown.parse(text, env);
      const headings: Heading[] = [];
      const ids = headingIds();
      for (const [i, token] of tokens.entries()) {
        if (token.type !== "heading_open") continue;
        const words = (tokens[i + 1]?.children ?? []).map(({ type, content }) => (/^(text|code_inline)$/.test(type) ? content : " "));
        const heading = words.join("").replaceAll(/\s+/g, " ").trim();
        const id = ids(heading);
        token.attrSet("id", id);
        headings.push({ level: Number(token.tag.slice(1)), text: heading, id });
      }
      return {
        html: sanitizeHtml(markdown.renderer.render(tokens, markdown.options, env), options),
        title: headings.find(({ level, text: words }) => level === 1 && words !== "")?.text,
        toc: tableOfContents(headings, escape),
      };
    },
  };
}

/** Ids that no two headings of a text share, and that are no names of a page's script. */
function headingIds(): (heading: string) => string {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return (heading) => {
    const words = heading
      .normalize("NFKC")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, "-");
    const base = `section-${words.slice(0, 60).replaceAll(/^-|-$/g, "")}`.toWellFormed();
    let count = counts.get(base) ?? 0;
    let id: string;
    do {
      count++;
      id = count === 1 ? base : `${base}-${count}`;
    } while (taken.has(id));
    counts.set(base, count);
    taken.add(id);
    return id;
  };
}

function tableOfContents(headings: readonly Heading[], escape: (text: string) => string): string {
  const open: number[] = [];
  const parts: string[] = [];
  for (const { level, text, id } of headings) {
    while (open.length > 0 && open.at(-1)! > level) {
      open.pop();
      parts.push(open.length > 0 ? "</li></ul>" : "</li>");
    }
    if (open.length === 0) parts.push(parts.length === 0 ? "<ul><li>" : "<li>");
    else parts.push(open.at(-1) === level ? "</li><li>" : "<ul><li>");
    if (open.at(-1) !== level) open.push(level);
    parts.push(`<a href="#${encodeURIComponent(id)}">${escape(text)}</a>`);
  }
  for (const _level of open) parts.push("</li></ul>");
  return parts.join("");
}
