import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "./cache.js";
import { canInstall, installPackages } from "./debian.js";
import { run } from "./run.js";
import { NoServiceError } from "./service.js";

/** With the version of Schemathesis and of everything that it needs. */
const requirements = fileURLToPath(new URL("./schemathesis/requirements.txt", import.meta.url));
const folder = "schemathesis-4.32.5";
const packages = ["python3", "python3-venv"];

// Scripts of a virtual environment name the folder that it was made in, so it is made in its place; the file says that it is whole.
const INSTALL = `
set -e
[ ! -e "$1/whole" ] || exit 0
rm -rf "$1"
python3 -m venv "$1"
"$1/bin/pip" install -q -r "$2"
touch "$1/whole"
`;

/**
 * The program of Schemathesis, which tries an API by its OpenAPI document. It is installed from PyPI into the cache folder at first use, and
 * Python by apt where that is missing.
 *
 * @throws NoServiceError  when there is no Python 3 with `venv`, and it cannot be installed here
 */
export async function schemathesis(): Promise<string> {
  const cache = cacheFolder();
  const place = join(cache, folder);
  if (!existsSync(join(place, "whole"))) {
    if (!(await hasPython())) {
      if (!canInstall())
        throw new NoServiceError("schemathesis", `python3 with venv not installed (on Debian: apt install ${packages.join(" ")})`);
      await installPackages(packages);
    }
    process.stderr.write("installing Schemathesis (pip) …\n");
    await run(["flock", join(cache, "schemathesis.lock"), "sh", "-c", INSTALL, "sh", place, requirements]);
  }
  return join(place, "bin", "schemathesis");
}

/** `ensurepip` is what Debian has in a package of its own. */
function hasPython(): Promise<boolean> {
  return run(["python3", "-c", "import venv, ensurepip, sys; assert sys.version_info >= (3, 10)"]).then(
    () => true,
    () => false,
  );
}
