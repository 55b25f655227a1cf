import { postgres } from "./postgres.js";
import type { Recipe } from "./recipe.js";
import { redis } from "./redis.js";

/** All servers, one line each, in the order in which they are started. */
export const recipes: readonly Recipe[] = [postgres, redis];
