import type { ServiceOptions } from "../services/options.js";
import type { Service } from "../services/service.js";

/** What the tests are given. */
export interface ServiceContext {
  open(name: string, options?: ServiceOptions): Promise<Service>;
  /** The name of a service that no other test has. */
  fresh(): string;
}
