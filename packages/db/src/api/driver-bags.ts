// The settings that definitions hold for single drivers. The core knows none of them: each driver checks its own.

import { invalid } from "../errors.js";
import type { Driver } from "../driver.js";
import type { DriverBags } from "../schema/definition.js";
import type { Table } from "../schema/table.js";

/**
 * Lets the opened drivers check the bags of every table and column.
 *
 * @param known  names of drivers that are not opened now, whose bags are left alone
 * @throws DbError `invalid`, naming table, column and setting, for a wrong setting and for the bag of a driver that does not exist
 */
export function checkBags(tables: Iterable<Table>, drivers: Iterable<Pick<Driver, "name" | "checkBag">>, known: readonly string[]): void {
  const opened = new Map([...drivers].map((driver) => [driver.name, driver]));
  const names = new Set([...opened.keys(), ...known]);
  for (const { name: table, settings, byName } of tables) {
    checkOne(settings.drivers, { table });
    for (const { name: column, definition } of byName.values()) checkOne(definition.drivers, { table, column });
  }

  function checkOne(bags: DriverBags | undefined, place: { readonly table: string; readonly column?: string }): void {
    for (const [name, bag] of Object.entries(bags ?? {})) {
      const where = `table ${place.table}${place.column === undefined ? "" : `, column ${place.column}`}: drivers.${name}`;
      if (!names.has(name)) throw invalid(`${where}: no such driver; there are ${[...names].join(", ")}`, place);
      const driver = opened.get(name);
      if (driver === undefined) continue;
      const fail = (setting: string, problem: string): Error =>
        invalid(`${where}: ${problem}`, { ...place, driver: name, detail: { field: setting } });
      if (driver.checkBag !== undefined) driver.checkBag(bag, place.column === undefined ? "table" : "column", fail);
      else for (const setting of Object.keys(bag)) throw fail(setting, "this driver takes no settings");
    }
  }
}
