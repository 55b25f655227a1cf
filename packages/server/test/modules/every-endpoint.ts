// Every endpoint of every module as its module describes it, so that tests over all of them have new ones in them at once.

import { type BackendModule, type Endpoint, modulesNamed, type Parameter } from "@bk/modules";

export interface FoundEndpoint {
  readonly endpoint: Endpoint;
  /** All columns of the table whose columns it takes, also those that it refuses. */
  readonly columns: readonly string[];
}

/** All modules, for the server of one test file, and the endpoints of those that were started last. */
export function everyEndpoint(): { readonly found: readonly FoundEndpoint[]; modules(): BackendModule[] } {
  const found: FoundEndpoint[] = [];
  return {
    found,
    modules() {
      found.length = 0;
      return modulesNamed(["all"], { signUp: "open", pushcartToken: "the token of pushcart" }).map((module) => ({
        ...module,
        async start(host) {
          const running = await module.start(host);
          for (const endpoint of running.endpoints) {
            const table = endpoint.columns === undefined ? undefined : module.tables[endpoint.columns.table];
            const columns = (table as { readonly columns?: object } | undefined)?.columns ?? table ?? {};
            found.push({ endpoint, columns: Object.keys(columns) });
          }
          return running;
        },
      }));
    },
  };
}

export const pathOf = ({ path }: Endpoint): string => path.replace(/\*$/, "none");

/** Values that the required parameters of an endpoint take, so that the others are looked at. */
export function samplesOf({ parameters = {} }: Endpoint): Record<string, unknown> {
  const required = Object.entries(parameters).filter(([, parameter]) => parameter.required === true);
  return Object.fromEntries(required.map(([name, parameter]) => [name, sampleOf(parameter)]));
}

function sampleOf({ type = "text", values, min = 1, max = Infinity }: Parameter): unknown {
  const sample = {
    text: values?.[0] ?? "1".repeat(Math.max(min, 1)),
    int: Math.min(Math.max(min, 1), max),
    real: Math.min(Math.max(min, 1), max),
    bool: true,
    list: [values?.[0] ?? "u_none"],
    json: {},
    bytes: "aGVsbG8=",
  };
  return sample[type];
}
