// Settings from DNS: the TXT record PARAMETER.DOMAIN.

import { Resolver } from "node:dns/promises";

import type { Given } from "./config-text.js";

/** As that of `node:dns/promises`. */
export type ResolveTxt = (name: string) => Promise<readonly (readonly string[])[]>;

const atOnce = 5;
const patienceMs = 2000;
const none: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ENODATA", "NXDOMAIN"]);

/** Asks for each parameter, five at a time, each within two seconds. What DNS says that it has not, is not given. */
export async function dnsSettings(domain: string, parameters: readonly string[], resolve: ResolveTxt = resolver()): Promise<Given[]> {
  const given: Given[] = [];
  const left = [...parameters];
  const failed: unknown[] = [];
  const ask = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const record = `${name}.${domain}`;
      try {
        const [chunks] = await resolve(record);
        // One record may come in several chunks, as each holds 255 bytes at most.
        if (chunks !== undefined) given.push({ name, text: chunks.join(""), role: undefined, where: `DNS ${record}` });
      } catch (error) {
        if (!none.has((error as NodeJS.ErrnoException).code)) failed.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  if (failed.length > 0) throw failed[0];
  return given;
}

function resolver(): ResolveTxt {
  const own = new Resolver({ timeout: patienceMs, tries: 1 });
  return (name) => own.resolveTxt(name);
}
