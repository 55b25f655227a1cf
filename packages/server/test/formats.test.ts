// Rows as CSV, as JSON a line and as XML.
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startServer, type TestServer } from "./start-server.js";

let on: TestServer;
const texts = ["=1+1", "+cmd", "-x", "@SUM(A1)", "plain", 'quo"te', "a,b;c|d\te", "line\r\nbreak", "'=quoted", "-5", "+3.5e2", ""];

beforeAll(async () => {
  on = await startServer({ db: "sqlite::memory:" });
  for (const [i, text] of texts.entries())
    await on.call("bob", "/data/put/note", {
      json: { id: `n${String(i).padStart(2, "0")}`, text, stars: i, private_text: "private", secret_word: "hush" },
    });
  await on.call("root", "/data/put/kinds", {
    json: {
      id: "k",
      big: "9223372036854775807",
      at: "2024-05-31T12:00:00.000Z",
      json: { a: "<&>" },
      list: [1, 2],
      blob: "AAEC",
      bool: false,
    },
  });
});
afterAll(() => on.server.close());

describe("rows in other forms", () => {
  for (const [name, separator] of Object.entries({ ",": ",", ";": ";", "|": "|", tab: "\t" }))
    it(`are CSV with ${name} between the cells, which no spreadsheet takes for formulas`, async () => {
      const reply = await on.call(
        "root",
        `/data/select/note?owner=${on.ids["bob"]}&_scan=1&_select=id,text,stars&_sort=id&_format=csv&_separator=${encodeURIComponent(name)}`,
      );
      expect(reply.status).toBe(200);
      expect(reply.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
      expect(reply.headers.get("content-disposition")).toBe('attachment; filename="note.csv"');
      expect(reply.headers.get("cache-control")).toBe("no-store");
      const [head, ...rows] = parse(reply.text, { delimiter: separator, record_delimiter: "\r\n" }) as string[][];
      expect(head).toEqual(["id", "text", "stars"]);
      expect(rows).toEqual(
        texts.map((text, i) => [
          `n${String(i).padStart(2, "0")}`,
          /^'*[=+\-@]/.test(text) && !/^[+-]?[\d.e]+$/.test(text) ? `'${text}` : text,
          String(i),
        ]),
      );
    });

  it("have the columns that the caller sees, of a row of another's too", async () => {
    const own = await on.call("bob", `/data/list/note?_keys=n04&_format=csv`);
    expect(own.text.split("\r\n")[0]).toBe("id,owner,text,stars,private_text");
    const others = await on.call("eve", `/data/list/note?_keys=n04&_format=csv`);
    expect(others.text).not.toContain("private,");
    expect(others.text.split("\r\n")[1]).toBe(",,plain,4,");
    for (const format of ["csv", "ndjson", "xml"])
      for (const as of ["root", "bob", "eve"]) {
        const reply = await on.call(as, `/data/list/note?_keys=n04&_format=${format}`);
        expect(reply.text).not.toContain("hush");
        expect(reply.text).not.toContain("secret_word");
        if (as === "eve") expect(reply.text).not.toMatch(/>private<|"private"|private$/);
      }
    expect((await on.call("eve", "/data/list/note?_keys=n04&_format=csv&_select=private_text")).text).not.toContain("private\r");
    expect((await on.call("eve", "/data/list/note?_keys=n04&_format=csv&_select=secret_word")).status).toBe(403);
  });

  it("go on page by page by a token in a header", async () => {
    for (const format of ["csv", "ndjson", "xml"]) {
      const found: string[] = [];
      let start = "";
      do {
        const reply = await on.call(
          "bob",
          `/data/select/note?owner=${on.ids["bob"]}&_count=5&_format=${format}${start === "" ? "" : `&_start=${encodeURIComponent(start)}`}`,
        );
        expect(reply.status).toBe(200);
        found.push(...[...reply.text.matchAll(/\bn\d\d\b/g)].map(([id]) => id));
        start = reply.headers.get("bk-next-token")!;
        if (format === "xml") expect(reply.text).toContain(`<next_token>${start}</next_token>`);
      } while (start !== "");
      expect([format, found.sort()]).toEqual([format, texts.map((_text, i) => `n${String(i).padStart(2, "0")}`)]);
    }
  });

  it("are JSON a line, with all values as in a page", async () => {
    const page = await on.call("root", "/data/select/kinds?id=k");
    const lines = await on.call("root", "/data/select/kinds?id=k&_format=ndjson");
    expect(lines.headers.get("content-type")).toBe("application/x-ndjson");
    expect(lines.text.endsWith("}\n")).toBe(true);
    expect(
      lines.text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(page.body["data"]);
    expect((await on.call("root", "/data/select/kinds?id=k&_format=json")).body).toEqual(page.body);
    expect((await on.call("root", "/data/select/kinds?id=none&_format=ndjson")).text).toBe("");
  });

  it("are XML in which texts stay texts", async () => {
    await on.call("root", "/data/put/article", { json: { id: "x", title: "</title><script>&amp; \u0001 ]]> \ud83d\ude00 \r\n" } });
    const reply = await on.call("root", "/data/search/article?_q=script&_format=xml");
    expect(reply.headers.get("content-type")).toBe("application/xml; charset=utf-8");
    expect(reply.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<data><next_token></next_token>\n<row><id>x</id><title>&lt;/title&gt;&lt;script&gt;&amp;amp; \ufffd ]]&gt; \ud83d\ude00 &#13;\n</title></row>\n</data>\n',
    );
    const kinds = (await on.call("root", "/data/select/kinds?id=k&_format=xml")).text;
    for (const part of [
      "<big>9223372036854775807</big>",
      "<at>2024-05-31T12:00:00.000Z</at>",
      '<json>{"a":"&lt;&amp;&gt;"}</json>',
      "<list>[1,2]</list>",
      "<bool>false</bool>",
    ])
      expect(kinds).toContain(part);
    expect(kinds).not.toContain("<decimal>");
  });

  it("are refused where they make no sense, naming what does not fit", async () => {
    const refusals: [string, string][] = [
      ["select/note?_format=yaml", "_format"],
      ["select/note?_format=csv&_separator=x", "_separator"],
      ["select/note?_format=csv&_separator=,,", "_separator"],
      ["select/note?_separator=;", "_separator"],
      ["select/note?_format=xml&_separator=;", "_separator"],
      ["select/note?_format=csv&_total=1", "_format"],
      ["get/note?id=n01&_format=csv", "_format"],
      ["count/note?_format=csv", "_format"],
      ["search/article?_q=x&_highlight=1&_format=csv", "_highlight"],
    ];
    for (const [path, field] of refusals)
      expect([path, (await on.call("root", `/data/${path}`)).body]).toMatchObject([path, { status: 400, field }]);
  });

  it("are not larger than a reply may be", async () => {
    await using small = await startServer({ limits: { maxReplyBytes: 2000 } });
    for (let i = 0; i < 10; i++)
      await small.call("root", "/data/put/city", { json: { country: "IT", name: `c${i}`, draft: "x".repeat(400) } });
    for (const format of ["csv", "ndjson", "xml"])
      expect((await small.call("root", `/data/select/city?country=IT&_format=${format}`)).status).toBe(413);
  });
});
