import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openConfig } from "../config/config.js";
import { staticFiles } from "../static/static-files.js";
import { staticOf, webParameters } from "./web-settings.js";

let web: string;
beforeAll(() => {
  web = mkdtempSync(join(tmpdir(), "bk-web-settings-"));
  for (const folder of [".", "shop", "other", "js"]) {
    mkdirSync(join(web, folder), { recursive: true });
    writeFileSync(join(web, folder, "a.txt"), folder);
  }
});
afterAll(() => rmSync(web, { recursive: true, force: true }));

async function placeOf(given: Record<string, string>, host: string, path = "/a.txt"): Promise<string | undefined> {
  const config = await openConfig(webParameters, { given: { web, ...given }, environment: {} });
  const found = await staticFiles(staticOf(config)!).find(new Request("http://x/"), path, host);
  return typeof found === "object" ? found.place.slice(web.length) : found;
}

describe("files of hosts, by settings", () => {
  it("are those of the folder whose pattern is found in the name of the host; a ! turns it around", async () => {
    const given = { "web-shop-host": "^shop\\.", "web-other-host": "!test$" };
    expect(await placeOf(given, "shop.example.test")).toBe("/shop/a.txt");
    expect(await placeOf(given, "myshop.example.test")).toBe("/a.txt");
    expect(await placeOf(given, "example.com")).toBe("/other/a.txt");
  });

  it("are shared where that is said", async () => {
    const given = { "web-shop-host": "shop", "web-shared": "^/js/" };
    expect(await placeOf(given, "shop.test", "/js/a.txt")).toBe("/js/a.txt");
    expect(await placeOf({ "web-shop-host": "shop" }, "shop.test", "/js/a.txt")).toBeUndefined();
  });

  it("have the names of backendjs, which are told as old", async () => {
    const given = { web, "api-vhost-path-shop": "shop", "api-no-vhost-path": "^/js/", "api-mime-map-abc": "model/abc" };
    const config = await openConfig(webParameters, { given, environment: {} });
    expect(staticOf(config)).toMatchObject({ hosts: [{ roots: [join(web, "shop")] }], types: { abc: "model/abc" } });
    expect(config.warnings).toContain("the command line: api-vhost-path-shop is an old name; write web-shop-host");
    expect(config.explain("api-vhost-path-shop")?.name).toBe("web-shop-host");
  });

  it("are refused where there is no such folder", async () => {
    await expect(placeOf({ "web-none-host": "x" }, "x")).rejects.toMatchObject({ detail: { field: "web-none-host" } });
    await expect(placeOf({ "web-shop-host": ".*" }, "x")).rejects.toThrow("must be a regular expression");
  });
});
