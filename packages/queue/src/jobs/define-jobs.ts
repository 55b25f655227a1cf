// Jobs: work that is known by name. Only what is defined may run, whatever a queue holds.

import { silentLog, systemClock } from "@bk/core";
import type { StandardSchemaV1 } from "@standard-schema/spec";

import { checkName } from "../common/names.js";
import { invalid } from "../errors.js";
import { Jobs } from "./jobs.js";
import type { JobDefinition, JobDefinitions, JobsOptions } from "./job-definition.js";

/** Jobs whose `run` has the type that the schema gives. */
type Checked<Schemas> = { readonly [Name in keyof Schemas]: JobDefinition<Schemas[Name]> };

/** What each job takes when it is submitted. Jobs without a schema leave no trace in `Schemas`, so their names come apart. */
type InputsOf<Schemas, Names extends string> = {
  readonly [Name in Names]: Name extends keyof Schemas
    ? Schemas[Name] extends StandardSchemaV1
      ? StandardSchemaV1.InferInput<Schemas[Name]>
      : unknown
    : unknown;
};

/**
 * Declares jobs.
 *
 * @throws QueueError `invalid` for a name or a definition that is wrong
 */
export function defineJobs<Schemas, Name extends string>(
  definitions: Checked<Schemas> & { readonly [each in Name]: unknown },
  options: JobsOptions = {},
): Jobs<InputsOf<Schemas, Name>> {
  const known = new Map<string, JobDefinition>();
  for (const [name, definition] of Object.entries(definitions as unknown as JobDefinitions)) {
    checkName(name, "the name of a job");
    if (typeof definition?.run !== "function") throw invalid(`job ${name} has no function "run"`);
    const { input } = definition;
    if (input !== undefined && typeof input["~standard"]?.validate !== "function")
      throw invalid(`the input of job ${name} is not a Standard Schema`);
    if (definition.unique !== undefined && options.locks === undefined)
      throw invalid(`job ${name} is unique, so defineJobs needs { locks }: a cache that all workers reach`);
    known.set(name, definition);
  }
  const { clock = systemClock, log = silentLog, graceMs = 10_000 } = options;
  return new Jobs(known, { ...options, clock, log, graceMs });
}
