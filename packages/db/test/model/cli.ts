// `npm run model -- --driver=pg --steps=1e6 --seed=1`: the model check by hand, any number of steps.

import { startServices } from "../../../../test/services/index.js";
import { fixtures } from "../all-fixtures.js";
import { checkModel, report } from "./check.js";

const usage = `usage: npm run model -- --driver=ID [--steps=20000] [--seed=1]
drivers: ${fixtures.map(({ name }) => name).join(" ")}
`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = new Map(
    args.map((arg) => (/^--(driver|steps|seed)=(.+)$/.exec(arg)?.slice(1, 3) as [string, string] | undefined) ?? [arg, ""]),
  );
  const unknown = [...options.keys()].find((name) => !["driver", "steps", "seed"].includes(name));
  const fixture = fixtures.find(({ name }) => name === options.get("driver"));
  const steps = Number(options.get("steps") ?? 20_000);
  const seed = Number(options.get("seed") ?? Date.now() % 2 ** 31);
  if (unknown !== undefined || fixture === undefined || !(Number.isInteger(steps) && steps > 0) || !Number.isInteger(seed)) {
    process.stderr.write(unknown === undefined ? usage : `${unknown}?\n${usage}`);
    return 2;
  }
  const services = await startServices(fixture.env === undefined ? [] : [fixture.name]);
  try {
    Object.assign(process.env, services.env);
    const [missing] = services.notRun;
    if (missing !== undefined) throw new Error(`${missing.driver} cannot be had: ${missing.reason}`);
    const began = Date.now();
    const disagreement = await checkModel({ fixture, steps, seed, onProgress: progressOn(process.stderr, steps, began) });
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
    const seconds = Math.round((Date.now() - began) / 1000);
    process.stdout.write(
      disagreement === undefined
        ? `${fixture.name}: ${steps} steps agree (seed ${seed}, ${seconds} s)\n`
        : `${report(fixture.name, disagreement)}\n`,
    );
    return disagreement === undefined ? 0 : 1;
  } finally {
    await services.stop();
  }
}

function progressOn(stream: NodeJS.WriteStream, steps: number, began: number): (done: number) => void {
  let last = 0;
  return (done) => {
    if (!stream.isTTY || Date.now() - last < 200) return;
    last = Date.now();
    const rate = Math.round((done / (last - began)) * 1000);
    stream.write(`\r\x1b[K${done} of ${steps} steps (${Math.floor((100 * done) / steps)} %), ${rate} a second`);
  };
}
