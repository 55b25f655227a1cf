export type ReportTarget =
  | { readonly kind: "console" }
  | { readonly kind: "table" }
  /** @property isSlack  the form of Slack, which Teams takes too */
  | { readonly kind: "web"; readonly url: string; readonly isSlack: boolean }
  | { readonly kind: "mail"; readonly to: string };

/** `console:`, `table:`, `https://host/path`, `slack:https://host/path`, `mailto:ann@example.com`; undefined for another text. */
export function reportTarget(text: string): ReportTarget | undefined {
  if (text === "console:" || text === "table:") return { kind: text === "table:" ? "table" : "console" };
  const [, to] = /^mailto:(\S+@\S+)$/.exec(text) ?? [];
  if (to !== undefined) return { kind: "mail", to };
  const [, slack, url] = /^(slack:)?(https?:\/\/\S+)$/.exec(text) ?? [];
  return url === undefined || !URL.canParse(url) ? undefined : { kind: "web", url, isSlack: slack !== undefined };
}
