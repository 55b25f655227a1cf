// The behaviour suite of services: what @bk/queue promises of every driver.

import { randomUUID } from "node:crypto";
import { afterAll, describe } from "vitest";

import type { ServiceOptions } from "../services/options.js";
import type { Service } from "../services/service.js";
import { serviceCalls } from "./service-calls.js";
import type { ServiceContext } from "./service-context.js";
import { serviceErrors } from "./service-errors.js";
import { serviceInstances } from "./service-instances.js";

/** A driver as its author hands it to {@link testServices}. */
export interface ServicesUnderTest {
  /** Names the tests: `driver: <id>`. */
  readonly id: string;
  /** Opens a service on the engine, as an app would; all reach each other. The suite closes what it opens. */
  open(name: string, options?: ServiceOptions): Promise<Service>;
}

/** Registers the tests that every driver of services passes, under `describe("driver: <id>")`. Call it in a vitest file. */
export function testServices(driver: ServicesUnderTest): void {
  describe(`driver: ${driver.id}`, () => {
    const opened: Service[] = [];
    const context: ServiceContext = {
      async open(name, options) {
        const service = await driver.open(name, options);
        opened.push(service);
        return service;
      },
      fresh: () => `s${randomUUID().slice(0, 13)}`,
    };
    afterAll(async () => {
      await Promise.all(opened.map((service) => service.close()));
    });
    describe("services", () => {
      serviceCalls(context);
      serviceErrors(context);
      serviceInstances(context);
    });
  });
}
