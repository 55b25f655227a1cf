import { describe, expect, it } from "vitest";

import { codeBlocks, localLinks } from "./markdown.js";

const fence = "```";

describe("markdown", () => {
  it("finds blocks with their language, line and mark", () => {
    const page = ["# A", "", "<!-- example: run -->", `${fence}ts`, "const a = 1;", "", "a;", fence, "", fence, "text", fence].join("\n");
    expect(codeBlocks("a.md", page)).toEqual([
      { file: "a.md", line: 5, language: "ts", mark: "example: run", code: "const a = 1;\n\na;" },
      { file: "a.md", line: 11, language: "", mark: undefined, code: "text" },
    ]);
  });

  it("tells where a block has no end", () => {
    expect(() => codeBlocks("a.md", `text\n${fence}ts\nconst a = 1;`)).toThrow("a.md:2");
  });

  it("finds links to files, not to the web, to anchors or in code", () => {
    const page = `[a](a.md), [b](../b.md#part), [c](https://example.com/c.md), [d](#d)\n${fence}ts\nconst e = list[0](f.md);\n${fence}\n`;
    expect(localLinks(page)).toEqual(["a.md", "../b.md"]);
  });
});
