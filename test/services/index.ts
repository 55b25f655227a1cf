import { composeWorks, startCompose } from "./compose.js";
import { startNative } from "./native.js";
import type { Recipe } from "./recipe.js";
import { recipes } from "./registry.js";
import { NoServiceError, type Service, type ServiceOptions } from "./service.js";
import { given, obtain, wayTo } from "./ways.js";

export { NoServiceError, type Service, type ServiceOptions } from "./service.js";

/** The outcome of `startServices`. */
export interface Services {
  /** A `BK_TEST_…` variable with the URL of each server that runs. */
  readonly env: Record<string, string>;
  /** The servers that could not be had, and why. */
  readonly notRun: readonly { readonly driver: string; readonly reason: string }[];
  /** Stops all that was started here; servers given by the environment go on. */
  stop(): Promise<void>;
}

/** How many servers start at the same time. */
const AT_ONCE = 2;

/** The names that `startServices` and `startService` know. */
export const serviceNames: readonly string[] = recipes.map((recipe) => recipe.name);

/**
 * Starts servers for a test run, without durability: each is reused when its variable is set, else started from what is
 * installed, else installed first, else run in Docker Compose, else listed in `notRun`.
 *
 * @throws Error  when a name is unknown
 */
export async function startServices(names: readonly string[]): Promise<Services> {
  const wanted = names.map(recipeOf);
  const env: Record<string, string> = {};
  const notRun: { driver: string; reason: string }[] = [];
  const started: Service[] = [];
  const queue = [...wanted];
  const worker = async (): Promise<void> => {
    for (let recipe = queue.shift(); recipe !== undefined; recipe = queue.shift()) {
      const way = given(recipe);
      if (way?.kind === "given") {
        env[recipe.variable] = way.url;
        continue;
      }
      try {
        const service = await startOne(recipe, {}, false);
        started.push(service);
        env[recipe.variable] = service.url;
      } catch (error) {
        notRun.push({ driver: recipe.name, reason: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { env, notRun, stop: async () => void (await Promise.all(started.map((service) => service.stop()))) };
}

/**
 * Starts a server of one's own, which may be killed and started again: what it acknowledged survives `kill`.
 * The environment's servers are never used for this.
 *
 * @param which  its name, or a recipe of its own
 * @throws NoServiceError  when it cannot be had on this machine
 * @throws Error           when the name is unknown, or when it does not start
 */
export function startService(which: string | Recipe, options: ServiceOptions = {}): Promise<Service> {
  return startOne(typeof which === "string" ? recipeOf(which) : which, options, true);
}

async function startOne(recipe: Recipe, options: ServiceOptions, durable: boolean): Promise<Service> {
  const way = await wayTo(recipe);
  switch (way.kind) {
    case "none":
      throw new NoServiceError(recipe.name, way.reason);
    case "compose":
      return startCompose(recipe, options);
    default:
      if (await isObtained(recipe)) return startNative(recipe, { ...options, durable });
      return startCompose(recipe, options);
  }
}

/** False when installing or downloading failed and Docker Compose is there to use instead. */
async function isObtained(recipe: Recipe): Promise<boolean> {
  try {
    await obtain(recipe);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!(await composeWorks())) throw new NoServiceError(recipe.name, `could not be installed: ${reason}`, { cause: error });
    process.stderr.write(`${recipe.name} could not be installed, using Docker Compose: ${reason}\n`);
    return false;
  }
}

function recipeOf(name: string): Recipe {
  const recipe = recipes.find((one) => one.name === name);
  if (recipe === undefined) throw new Error(`unknown service "${name}": one of ${serviceNames.join(", ")}`);
  return recipe;
}
