import { serviceNames, startServices } from "./index.js";
import { recipes } from "./registry.js";
import { given, type Way, wayTo } from "./ways.js";

const USAGE = `usage: services up NAME…   start servers, print their variables, run until Ctrl-C
       services list       show which servers can be had here, and how
names: ${serviceNames.join(" ")}
`;

process.exitCode = await main(process.argv.slice(2));

async function main([command, ...names]: string[]): Promise<number> {
  if (command === "list" && names.length === 0) return list();
  if (command === "up" && names.length > 0 && names.every((name) => serviceNames.includes(name))) return up(names);
  process.stderr.write(USAGE);
  return 2;
}

async function list(): Promise<number> {
  for (const recipe of recipes) process.stdout.write(`${recipe.name.padEnd(14)} ${describe(given(recipe) ?? (await wayTo(recipe)))}\n`);
  return 0;
}

function describe(way: Way): string {
  switch (way.kind) {
    case "given":
      return "given by its variable";
    case "installed":
      return "installed";
    case "install":
      return `to be installed: ${way.packages.join(" ")} (apt)`;
    case "download":
      return `to be downloaded: ${[way.what, ...way.packages].join(" ")}`;
    case "compose":
      return "Docker Compose";
    case "none":
      return `not here: ${way.reason}`;
  }
}

async function up(names: readonly string[]): Promise<number> {
  // A Ctrl-C during the start just ends this process; the watchdogs then end what has been started.
  const services = await startServices(names);
  // Before anything is printed: who reads it may end this process at once.
  const stopped = signalled();
  for (const [name, url] of Object.entries(services.env)) process.stdout.write(`export ${name}='${url}'\n`);
  for (const { driver, reason } of services.notRun) process.stderr.write(`${driver}: not run: ${reason}\n`);
  if (Object.keys(services.env).length > 0) {
    process.stderr.write("running until Ctrl-C\n");
    await stopped.signal;
    await services.stop();
  }
  stopped.forget();
  return services.notRun.length === 0 ? 0 : 1;
}

/** `signal` settles at the first Ctrl-C or SIGTERM. The listeners stay: a second one, as from npm, must not break off the stop. */
function signalled(): { readonly signal: Promise<void>; forget(): void } {
  const alive = setInterval(() => undefined, 3_600_000);
  const forget = (): void => clearInterval(alive);
  const signal = new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      process.on(name, () => {
        forget();
        resolve();
      });
    }
  });
  return { signal, forget };
}
