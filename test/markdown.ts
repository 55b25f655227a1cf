/** A fenced block of a Markdown file. */
export interface CodeBlock {
  /** The Markdown file, from the root. */
  readonly file: string;
  /** Line of the block's first code line, from 1. */
  readonly line: number;
  /** What stands behind the opening fence, such as `ts`; "" where nothing does. */
  readonly language: string;
  /** Text of the comment on the line before the fence, such as `example: run`. */
  readonly mark: string | undefined;
  readonly code: string;
}

/** The fenced blocks of a Markdown text, in order. */
export function codeBlocks(file: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const language = /^```(\w*)$/.exec(lines[at]!)?.[1];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`${file}:${at + 1}: the code block has no end`);
    const mark = /^<!-- (.+) -->$/.exec(lines[at - 1] ?? "")?.[1];
    blocks.push({ file, line: at + 2, language, mark, code: lines.slice(at + 1, end).join("\n") });
    at = end;
  }
  return blocks;
}

/** The places that a Markdown text links to, without web addresses and anchors. */
export function localLinks(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!.split("#")[0]!).filter((to) => to !== "" && !/^[a-z]+:/.test(to));
}
