import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder } from "./cache.js";
import { onPath } from "./on-path.js";
import { run } from "./run.js";
import { isRoot } from "./run-as.js";

/** Whether packages can be installed here: root on Debian. */
export function canInstall(): boolean {
  return isRoot() && existsSync("/etc/debian_version") && onPath("apt-get") !== undefined;
}

// Run under one lock, so that the files which keep system services and a default database cluster from being started
// are there as long as any installation lasts, and only that long.
const INSTALL = `
set -e
cluster=/etc/postgresql-common/createcluster.d/bk-none.conf
policy=/usr/sbin/policy-rc.d
made=$cluster
[ -e $policy ] || made="$cluster $policy"
trap 'rm -f $made' EXIT
[ -e $policy ] || { printf '#!/bin/sh\\nexit 101\\n' >$policy; chmod 755 $policy; }
mkdir -p \${cluster%/*}
echo 'create_main_cluster = false' >$cluster
apt-get update -qq
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"
`;

/** Installs Debian packages without starting the services they bring. Installations of several processes follow one another. */
export async function installPackages(packages: readonly string[]): Promise<void> {
  process.stderr.write(`installing ${packages.join(" ")} (apt) …\n`);
  const lock = join(cacheFolder(), "apt.lock");
  await run(["flock", lock, "sh", "-c", INSTALL, "sh", ...packages], { env: { DEBIAN_FRONTEND: "noninteractive" } });
}
