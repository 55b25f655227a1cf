import type { Shape } from "../driver.js";

/** A command with the shape that it was compiled from; kept and used again with other values. */
export interface Prepared {
  readonly shape: Shape;
  readonly command: unknown;
}
