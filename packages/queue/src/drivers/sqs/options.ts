// What the URL and the settings say, checked.

import { flag, integer, oneOf, parseConnectUrl, readOptions, string } from "@bk/core";

import { wrongOption } from "../../errors.js";

export interface SqsSettings {
  /** Undefined: the region's own address. */
  readonly endpoint: string | undefined;
  /** Undefined: what the SDK finds in its own settings. */
  readonly region: string | undefined;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string } | undefined;
  /** The name of the queue, and of that for its dead messages. */
  readonly name: string;
  readonly deadName: string;
  /** Messages of a group in order, one at a time; without delays. */
  readonly isFifo: boolean;
  /** Makes the queues where they are missing. */
  readonly create: boolean;
  /** Longest time of one request that waits for messages, in seconds; closing waits for it. */
  readonly pollSeconds: number;
  /** How often a request that was throttled or failed is sent, the first time included. */
  readonly maxAttempts: number;
}

const text = string();
const types = {
  region: text,
  accessKeyId: text,
  secretAccessKey: text,
  sessionToken: text,
  protocol: oneOf(["http", "https"]),
  fifo: flag,
  create: flag,
  prefix: string("at most 40 letters, digits, _ and -", (prefix) => /^[\w-]{0,40}$/.test(prefix)),
  pollSeconds: integer({ min: 1, max: 20 }),
  maxAttempts: integer({ min: 1 }),
};

const dead = "-dead";
/** SQS takes no dots. */
const dot = "_-";
/** Of a name that SQS takes, what is left beside `-dead` and `.fifo`. */
const mostCharacters = 80 - dead.length - ".fifo".length;

/** @throws QueueError `invalid` naming the field; never repeats a value */
export function sqsSettings(given: { url: string; queue: string; options: Readonly<Record<string, unknown>> }): SqsSettings {
  const wrong = wrongOption("sqs");
  const { hosts, path, user, password, options: inUrl } = parseConnectUrl(given.url);
  if (user !== undefined || password !== undefined) throw wrong("url", "the URL takes no user; write ?accessKeyId=…&secretAccessKey=…");
  if (hosts.length > 1) throw wrong("url", "the URL names several hosts");
  if (path !== undefined) throw wrong("url", "the URL takes no path; the queue is named by the option name of openQueue");
  const options = readOptions({ ...inUrl, ...given.options }, types, wrong);
  const {
    accessKeyId,
    secretAccessKey,
    sessionToken,
    fifo = false,
    create = true,
    prefix = "",
    pollSeconds = 5,
    maxAttempts = 3,
  } = options;
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw wrong("accessKeyId", "give accessKeyId and secretAccessKey together, or neither");
  if (given.queue.includes(dot)) throw wrong("name", `names of queues on SQS do not have "${dot}", which stands for a dot there`);
  const name = `${prefix}${given.queue.replaceAll(".", dot)}`;
  if (!/^[\w-]+$/.test(name) || name.length > mostCharacters)
    throw wrong("name", `names of queues on SQS have letters, digits, _, - and dots, at most ${mostCharacters} in all`);
  const [host] = hosts;
  const end = fifo ? ".fifo" : "";
  return {
    endpoint:
      host === undefined ? undefined : `${options.protocol ?? "http"}://${host.host}${host.port === undefined ? "" : `:${host.port}`}`,
    region: options.region,
    credentials:
      accessKeyId === undefined
        ? undefined
        : { accessKeyId, secretAccessKey: secretAccessKey!, ...(sessionToken === undefined ? {} : { sessionToken }) },
    name: name + end,
    deadName: name + dead + end,
    isFifo: fifo,
    create,
    pollSeconds,
    maxAttempts,
  };
}
