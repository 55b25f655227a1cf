// Indexes, fields and notes, made where they are missing. Each step may be taken by several processes at once: the server
// takes one that makes what is there already, and merges fields.

import type { DefineShape, Reply } from "../../driver.js";
import { type ElasticCommand, noRows } from "./command.js";
import type { Engine } from "./engine.js";
import { fieldsOf, mappingOf, noteOf } from "./mapping.js";
import { analysis } from "./search.js";
import { type Fields, readFields } from "./stored-index.js";
import { HttpError } from "./transport.js";

export function compileDefine({ table, step }: DefineShape): ElasticCommand {
  const search = fieldsOf(table, table.search);
  return {
    table: table.name,
    describe: (engine) => {
      const name = engine.nameOf(table);
      if (step.kind === "table") return { PUT: `/${indexOf(name)}`, body: creation(engine, name, mappingOf(table)) };
      const properties = step.kind === "column" ? fieldsOf(table, [step.column]) : step.kind === "index" ? noteOf(step.index) : search;
      return { PUT: `/${name}/_mapping`, body: { properties } };
    },
    async run(engine, _values, signal): Promise<Reply> {
      const name = engine.nameOf(table);
      if (step.kind === "table") await createIndex(engine, name, mappingOf(table), signal);
      else if (step.kind === "column") await addFields(engine, name, fieldsOf(table, [step.column]), signal);
      else if (step.kind === "index") await addFields(engine, name, noteOf(step.index), signal);
      else await addSearch(engine, name, search, signal);
      return noRows;
    },
  };
}

/** The index behind the alias: another one can take its place. */
function indexOf(name: string): string {
  return `${name}.v1`;
}

function creation({ options: { shards, replicas } }: Engine, name: string, mappings: object): object {
  const settings = {
    ...(shards === undefined ? {} : { number_of_shards: shards }),
    ...(replicas === undefined ? {} : { number_of_replicas: replicas }),
    analysis,
  };
  return { aliases: { [name]: {} }, settings, mappings };
}

async function createIndex(engine: Engine, name: string, mappings: object, signal: AbortSignal | undefined): Promise<void> {
  const body = JSON.stringify(creation(engine, name, mappings));
  try {
    await engine.send({ method: "PUT", path: `/${indexOf(name)}`, body }, signal);
  } catch (error) {
    // Somebody else has made it.
    if (!(error instanceof HttpError && error.type === "resource_already_exists_exception")) throw error;
  }
}

async function addFields(engine: Engine, name: string, properties: Fields, signal: AbortSignal | undefined): Promise<void> {
  await engine.send({ method: "PUT", path: `/${name}/_mapping`, body: JSON.stringify({ properties }) }, signal);
}

/** Rows of before get the words of columns that are searched only now: the server indexes their documents anew. */
async function addSearch(engine: Engine, name: string, search: Fields, signal: AbortSignal | undefined): Promise<void> {
  const stored = await readFields(engine, name, signal);
  const columns = Object.keys(search).filter((column) => !column.startsWith("$"));
  if (columns.every((column) => stored?.[column]?.fields?.["words"] !== undefined)) return;
  await addFields(engine, name, search, signal);
  // What is written from now on has them already.
  await engine.fresh.before(name, true);
  // A row that is changed meanwhile has been indexed anew by that.
  const query = "conflicts=proceed&refresh=true&wait_for_completion=true";
  await engine.send({ method: "POST", path: `/${name}/_update_by_query`, query, body: "{}" }, signal);
}
