import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openLocales } from "../locales/locales.js";
import { staticFiles } from "../static/static-files.js";
import { findModules } from "./find-modules.js";
import { readSettings } from "./read-settings.js";

let home: string;
beforeEach(() => void (home = realpathSync(mkdtempSync(join(tmpdir(), "bk-packages-")))));
afterEach(() => rmSync(home, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), text);
}

describe("npm packages of the setting packages", () => {
  it("bring files, translations and modules along, behind those of the app", async () => {
    write("web/both.txt", "app");
    for (const name of ["both", "own"]) write(`node_modules/@some/theme/web/${name}.txt`, "theme");
    write("node_modules/@some/theme/web/shop/index.html", "theme");
    write("locales/es.json", '{"Hello":"Hola"}');
    write("node_modules/@some/theme/locales/es.json", '{"Hello":"Buenas","Bye":"Adiós"}');
    write("node_modules/plain/modules/counts.js", "");
    const given = { web: join(home, "web"), "locales-path": join(home, "locales"), "web-shop-host": "^shop" };
    const configuration = await readSettings({ home, packages: "@some/theme,plain", ...given }, {});
    const files = staticFiles(configuration.static!);
    const placeOf = async (path: string, host = "x"): Promise<unknown> => {
      const found = await files.find(new Request("http://x/"), path, host);
      return typeof found === "object" ? found.place.slice(home.length) : found;
    };
    expect(await placeOf("/both.txt")).toBe("/web/both.txt");
    expect(await placeOf("/own.txt")).toBe("/node_modules/@some/theme/web/own.txt");
    expect(await placeOf("/", "shop.test")).toBe("/node_modules/@some/theme/web/shop/index.html");
    const locales = await openLocales({ ...configuration.locales!, reloadMs: 0 });
    expect(["Hello", "Bye"].map((phrase) => locales.translate("es", phrase).text)).toEqual(["Hola", "Adiós"]);
    expect(findModules(configuration.config).map(({ name }) => name)).toEqual(["counts"]);
    await configuration.config.close();
  });

  it("are enough for a server that has no such folders of its own", async () => {
    write("node_modules/theme/web/index.html", "theme");
    write("node_modules/theme/locales/es.json", "{}");
    const configuration = await readSettings({ home, packages: "theme", locales: "es" }, {});
    expect(configuration.static?.roots).toEqual([join(home, "node_modules/theme/web")]);
    expect(configuration.locales).toEqual({ folders: [join(home, "node_modules/theme/locales")], languages: ["es"] });
    await configuration.config.close();
  });
});
