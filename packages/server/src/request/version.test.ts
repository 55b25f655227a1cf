import { expect, it } from "vitest";

import { askedVersion, askingApp, compareVersions, parseVersion } from "./version.js";

it("orders versions as the numbers of the original's toVersion do", () => {
  const table = [
    ["1.2.5", 1.002005],
    ["1.1", 1.001],
    ["2015-01-01", 20150101],
    ["1_2", 1.002],
    ["v2.0.10", 2.00001],
  ] as const;
  for (const [a, numberOfA] of table)
    for (const [b, numberOfB] of table)
      expect(Math.sign(compareVersions(parseVersion(a)!, parseVersion(b)!)), `${a} ${b}`).toBe(Math.sign(numberOfA - numberOfB));
});

it("compares number by number, and takes what is left out for 0", () => {
  const order = (a: string, b: string): number => Math.sign(compareVersions(parseVersion(a)!, parseVersion(b)!));
  expect(order("1.10", "1.9")).toBe(1);
  expect(order("1", "1.0.0")).toBe(0);
  expect(order("2015-01-01", "2015.1.1")).toBe(0);
  expect(order("2014-12-31", "2015-01-01")).toBe(-1);
});

it.each(["x", "1.", ".1", "1..2", "1.2.3.4.5.6.7", "1234567890", "-1", "1 2", "1.2b", "vv1", "latest"])(
  "takes %j for no version",
  (text) => {
    expect(parseVersion(text)).toBeUndefined();
    expect(() => askedVersion("/", new Headers({ "bk-version": text }))).toThrow(
      expect.objectContaining({ body: expect.objectContaining({ status: 400, field: "bk-version" }) }),
    );
  },
);

it("reads a version from the query before the header, once", () => {
  const headers = new Headers({ "bk-version": "1.1" });
  expect(askedVersion("/x?a=1&bk-version=2015-01-01", headers)?.text).toBe("2015-01-01");
  expect(askedVersion("/x?a=1", headers)?.text).toBe("1.1");
  expect(askedVersion("/x?a=bk-version", headers)?.text).toBe("1.1");
  expect(askedVersion("/bk-version", new Headers())).toBeUndefined();
  expect(askedVersion("/x?bk-version=", headers)).toBeUndefined();
  expect(() => askedVersion("/x?bk-version=1&bk-version=2", headers)).toThrow("more than once");
  expect(() => askedVersion("/x?bk-version=%ff", headers)).toThrow("malformed");
});

it.each([
  ["MyApp/1.2.3", { name: "MyApp", version: "1.2.3", platform: undefined }],
  ["MyApp/1.2.3/ios", { name: "MyApp", version: "1.2.3", platform: "ios" }],
  ["MyApp/1.2.3 (iPhone)", { name: "MyApp", version: "1.2.3", platform: undefined }],
  ["MyApp", undefined],
  ["Mozilla/5.0 (Linux; Android 8)", { name: "Mozilla", version: "5.0", platform: undefined }],
  ["a b/1.0", { name: "a b", version: "1.0", platform: undefined }],
])("reads the app %j", (text, app) => {
  expect(askingApp("/", new Headers({ "bk-app": text }))).toEqual(app);
  expect(askingApp(`/?bk-app=${encodeURIComponent(text)}`, new Headers())).toEqual(app);
});

it("takes the user agent where the request names no app, and the platform from there", () => {
  expect(askingApp("/", new Headers({ "user-agent": "MyApp/7 CFNetwork/1494 Darwin/23.4.0" }))).toEqual({
    name: "MyApp",
    version: "7",
    platform: "ios",
  });
  expect(askingApp("/", new Headers({ "user-agent": "okhttp/4.9 (Android 14)", "bk-app": "MyApp/2" }))).toEqual({
    name: "MyApp",
    version: "2",
    platform: "android",
  });
  expect(askingApp("/", new Headers())).toBeUndefined();
});
