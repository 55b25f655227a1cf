import { openCaches } from "@bk/cache";
import { expect, it } from "vitest";

it("caches by name are replaced while the program runs", async () => {
  await using caches = await openCaches({ default: "local:", sessions: { url: "local:", ttlMs: 60_000, options: { max: 100 } } });
  expect(caches.names).toEqual(["default", "local", "sessions"]);
  await caches.get("sessions").put("a", 1);
  // The same settings are no change, so nothing is lost.
  await caches.reconfigure("sessions", { url: "local:", ttlMs: 60_000, options: { max: 100 } });
  expect(await caches.get("sessions").get("a")).toBe(1);
  const old = caches.get("sessions");
  await caches.reconfigure("sessions", { url: "local:", options: { max: 5 } });
  expect(await caches.get("sessions").get("a")).toBeUndefined();
  await expect(old.get("a")).rejects.toMatchObject({ code: "closed" });
  await expect(caches.reconfigure("sessions", "redis://127.0.0.1:1")).rejects.toMatchObject({ code: "unavailable" });
  await expect(caches.reconfigure("sessions", "nonsense:")).rejects.toMatchObject({ code: "invalid" });
  expect(await caches.get("sessions").get("a")).toBeUndefined();
});

it("one that cannot be opened is told", async () => {
  await expect(openCaches({ a: "nonsense:" })).rejects.toMatchObject({ code: "invalid" });
  await expect(openCaches({ "a-b": "local:" })).rejects.toMatchObject({ code: "invalid", detail: { field: "name" } });
});
