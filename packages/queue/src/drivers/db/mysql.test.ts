import { expect, it } from "vitest";

import { hasSkipLocked } from "./mysql.js";

it.each([
  ["8.0.12", true],
  ["8.4.3-log", true],
  ["9.1.0", true],
  ["8.0.0", false],
  ["5.7.44", false],
  ["10.11.6-MariaDB-0+deb12u1", true],
  ["10.6.0-MariaDB", true],
  ["11.4.2-MariaDB-ubu2404", true],
  ["10.5.23-MariaDB", false],
  ["8.0.11-TiDB-v8.5.0", false],
  ["SQLite", false],
])("knows whether %s can skip what is locked", (version, can) => {
  expect(hasSkipLocked(version)).toBe(can);
});
