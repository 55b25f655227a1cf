// Objects in a bucket of S3, or of any server that speaks its protocol.

import { createHash } from "node:crypto";
import { openAsBlob } from "node:fs";

import { BkError } from "@bk/core";
import { AwsClient } from "aws4fetch";

import type { ObjectStorage } from "./object-storage.js";

export interface S3StorageOptions {
  /** Such as `https://s3.eu-central-1.amazonaws.com`; buckets are parts of the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** What keys begin with in the bucket, such as `app/`. Default nothing. */
  readonly prefix?: string;
  /** How long an answer may take to begin, and a write to end, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Keeps objects in a bucket, which must exist.
 *
 * @throws BkError `unavailable` from its calls when the server does not answer or is busy, `internal` when it refuses
 */
export function s3Storage(options: S3StorageOptions): ObjectStorage {
  const { bucket, prefix = "", region = "us-east-1", timeoutMs = 30_000, accessKeyId, secretAccessKey, sessionToken } = options;
  const root = `${options.endpoint.replace(/\/+$/, "")}/${encodeURIComponent(bucket)}`;
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: "s3",
    region,
    retries: 3,
  });
  const urlOf = (key: string): string => `${root}/${(prefix + key).split("/").map(encodeURIComponent).join("/")}`;

  /** Sends a request. The time limit ends when the answer begins, for a large object may take longer to read. */
  async function send(url: string, request: RequestInit, signal?: AbortSignal): Promise<Response> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    try {
      return await client.fetch(url, { ...request, signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]) });
    } catch (error) {
      if (signal?.aborted === true) throw new BkError("cancelled", "the caller is gone");
      throw new BkError("unavailable", "the object storage does not answer", { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async function done(response: Response): Promise<string> {
    const text = await response.text();
    if (response.ok) return text;
    throw refusal(response.status, text);
  }

  async function* list(below: string): AsyncGenerator<{ key: string; mtime: number }> {
    let token: string | undefined;
    do {
      const query = new URLSearchParams({ "list-type": "2", prefix: prefix + below });
      if (token !== undefined) query.set("continuation-token", token);
      const page = await done(await send(`${root}?${query.toString()}`, { method: "GET" }));
      for (const [, content] of page.matchAll(/<Contents>([^]*?)<\/Contents>/g)) {
        const key = textIn(content!, "Key");
        const written = textIn(content!, "LastModified");
        if (key?.startsWith(prefix) === true) yield { key: key.slice(prefix.length), mtime: Date.parse(written ?? "") };
      }
      token = textIn(page, "IsTruncated") === "true" ? textIn(page, "NextContinuationToken") : undefined;
    } while (token !== undefined);
  }

  async function del(key: string): Promise<void> {
    const response = await send(urlOf(key), { method: "DELETE" });
    if (response.status === 404) await response.text();
    else await done(response);
  }

  return {
    async put(key, bytes, { type = "application/octet-stream" } = {}) {
      const isFile = !(bytes instanceof Uint8Array);
      const digest = isFile ? bytes.sha256 : createHash("sha256").update(bytes).digest("hex");
      const headers = { "content-type": type, "x-amz-content-sha256": digest };
      const body = isFile ? await openAsBlob(bytes.path) : (bytes as Uint8Array<ArrayBuffer>);
      await done(await send(urlOf(key), { method: "PUT", body, headers }));
    },

    async get(key, { range, signal } = {}) {
      const headers = range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` };
      const response = await send(urlOf(key), { method: "GET", headers }, signal);
      if (response.status === 404) {
        await response.text();
        return undefined;
      }
      if (!response.ok || (range !== undefined && response.status !== 206)) throw refusal(response.status, await response.text());
      return response.body ?? new Blob([]).stream();
    },

    del,
    list,

    async delAll(folder) {
      for await (const { key } of list(`${folder}/`)) await del(key);
    },

    async signedUrl(key, { ttlMs, type, disposition }) {
      const query = new URLSearchParams({ "X-Amz-Expires": String(Math.floor(ttlMs / 1000)), "response-content-type": type });
      if (disposition !== undefined) query.set("response-content-disposition", disposition);
      return (await client.sign(`${urlOf(key)}?${query.toString()}`, { method: "GET", aws: { signQuery: true } })).url;
    },
  };
}

/** The text of an element. Keys and tokens of lists have no other markup in them. */
function textIn(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_match, entity: string) => entities[entity]!);
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function refusal(status: number, body: string): BkError {
  const code = /<Code>(\w{1,60})<\/Code>/.exec(body)?.[1] ?? "no code";
  return status >= 500 || status === 429
    ? new BkError("unavailable", `the object storage is busy (${status}, ${code})`)
    : new BkError("internal", `the object storage refuses the server (${status}, ${code})`);
}
