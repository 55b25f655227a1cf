import type * as Mongo from "mongodb";

import { DbError } from "../../errors.js";
import type { MongoLocation } from "./options.js";

export type Client = Mongo.MongoClient;

/** @throws DbError `driver-missing` when the client package is not installed */
export async function loadClient(): Promise<typeof Mongo> {
  try {
    return await import("mongodb");
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new DbError("driver-missing", 'the package "mongodb" is not installed; run npm install mongodb', {
      driver: "mongodb",
      cause: error,
    });
  }
}

/**
 * Makes a client, which connects with the first command.
 *
 * @throws DbError `invalid` for what the client refuses: an unknown mechanism, settings that do not go together
 */
export function makeClient({ MongoClient }: Pick<typeof Mongo, "MongoClient">, location: MongoLocation): Client {
  const { isSrv, hosts, user, password, authSource, authMechanism, replicaSet, directConnection, tls, applicationName } = location;
  const addresses = hosts.map(({ host, port }) => `${host.includes(":") ? `[${host}]` : host}${port === undefined ? "" : `:${port}`}`);
  const settings: Mongo.MongoClientOptions = {
    maxPoolSize: location.max,
    connectTimeoutMS: location.connectTimeoutMs,
    serverSelectionTimeoutMS: location.connectTimeoutMs,
    waitQueueTimeoutMS: 0,
    // The core repeats what may be repeated, and knows by it what may have been done.
    retryReads: false,
    retryWrites: false,
    readPreference: "primary",
    ...(user === undefined ? {} : { auth: { username: user, ...(password === undefined ? {} : { password }) } }),
    ...(user === undefined || authSource === undefined ? {} : { authSource }),
    ...(authMechanism === undefined ? {} : { authMechanism: authMechanism as Mongo.AuthMechanism }),
    ...(replicaSet === undefined ? {} : { replicaSet }),
    ...(directConnection === undefined ? {} : { directConnection }),
    ...(tls === undefined ? {} : typeof tls === "boolean" ? { tls } : { tls: true, ...tls }),
    ...(applicationName === undefined ? {} : { appName: applicationName }),
  };
  try {
    return new MongoClient(`mongodb${isSrv ? "+srv" : ""}://${addresses.join(",")}/`, settings);
  } catch (error) {
    throw new DbError("invalid", "mongodb: the client refuses the settings; see `cause`", {
      driver: "mongodb",
      detail: { field: "url" },
      cause: error,
    });
  }
}

/**
 * Waits for work, or until every server that the client knows of has failed: a client would look for one that answers as long as connecting may
 * take, which is for failing over, not for the first connection.
 */
export async function untilUnreachable<Result>(client: Client, work: Promise<Result>): Promise<Result> {
  let look: ((event: Mongo.TopologyDescriptionChangedEvent) => void) | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    look = ({ newDescription }) => {
      const errors = [...newDescription.servers.values()].map(({ error }) => error);
      const [first] = errors;
      if (first !== undefined && errors.every((error) => error !== null)) reject(first as Error);
    };
    client.on("topologyDescriptionChanged", look);
  });
  try {
    return await Promise.race([work, failed]);
  } finally {
    client.off("topologyDescriptionChanged", look!);
    // Who loses the race fails for nobody.
    work.catch(() => undefined);
  }
}
