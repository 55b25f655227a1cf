// A server that speaks the protocol of S3, in this process, with an empty bucket.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { S3StorageOptions } from "../src/storage/index.js";

interface S3Server {
  run(): Promise<{ readonly port: number }>;
  close(): Promise<void>;
}

/** It has no types of its own. */
const S3rver = createRequire(import.meta.url)("s3rver") as new (options: object) => S3Server;

export interface TestS3 extends AsyncDisposable {
  readonly options: S3StorageOptions;
}

export async function startS3(): Promise<TestS3> {
  const directory = mkdtempSync(join(tmpdir(), "bk-s3-"));
  const server = new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory, configureBuckets: [{ name: "bucket" }] });
  const { port } = await server.run();
  return {
    options: { endpoint: `http://127.0.0.1:${port}`, bucket: "bucket", accessKeyId: "S3RVER", secretAccessKey: "S3RVER", prefix: "app/" },
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
