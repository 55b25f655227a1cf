import { composeWorks } from "./compose.js";
import { canInstall, installPackages } from "./debian.js";
import type { Recipe } from "./recipe.js";

/** How a server can be had: it is given by its variable, here, to be downloaded or installed first, in Docker, or not at all. */
export type Way =
  | { readonly kind: "given"; readonly url: string }
  | { readonly kind: "installed" }
  | { readonly kind: "install"; readonly packages: readonly string[] }
  | { readonly kind: "download"; readonly packages: readonly string[]; readonly what: string }
  | { readonly kind: "compose" }
  | { readonly kind: "none"; readonly reason: string };

/** Finds the first way that is open for a server of one's own. */
export async function wayTo(recipe: Recipe): Promise<Exclude<Way, { kind: "given" }>> {
  const missing = recipe.needs.filter((need) => !need.found());
  const packages = missing.flatMap((need) => need.packages);
  if (missing.length === 0 || canInstall()) {
    if (recipe.artifact !== undefined && !recipe.artifact.cached()) return { kind: "download", packages, what: recipe.artifact.what };
    return missing.length === 0 ? { kind: "installed" } : { kind: "install", packages };
  }
  if (await composeWorks()) return { kind: "compose" };
  const what = missing.map((need) => need.what).join(", ");
  return {
    kind: "none",
    reason: `${what} not installed (as root on Debian it would be: apt install ${packages.join(" ")}), and no Docker Compose`,
  };
}

/** The URL that the environment gives, if any. */
export function given(recipe: Recipe): Way | undefined {
  const url = process.env[recipe.variable];
  return url ? { kind: "given", url } : undefined;
}

/** Installs and downloads what is missing, and checks what was downloaded. */
export async function obtain(recipe: Recipe): Promise<void> {
  const packages = recipe.needs.filter((need) => !need.found()).flatMap((need) => need.packages);
  if (packages.length > 0) await installPackages(packages);
  const missing = recipe.needs.filter((need) => !need.found());
  if (missing.length > 0)
    throw new Error(`${missing.map((need) => need.what).join(", ")} still missing after installing ${packages.join(" ")}`);
  await recipe.artifact?.fetch();
}
