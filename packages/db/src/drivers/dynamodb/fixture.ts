import { randomUUID } from "node:crypto";

/** A database of its own on the test server: DynamoDB Local keeps one for each access key. */
export const fixture = {
  name: "dynamodb",
  driver: "dynamodb",
  env: "BK_TEST_DYNAMODB",
  async open(): Promise<{ url: string; options?: Record<string, unknown>; clean(): Promise<void> } | undefined> {
    const given = process.env["BK_TEST_DYNAMODB"];
    if (given === undefined) return undefined;
    // DynamoDB Local takes letters and digits only.
    const accessKeyId = `bk${randomUUID().replaceAll("-", "")}`;
    const url = given.replace(/([?&]accessKeyId=)[^&]*/, `$1${accessKeyId}`);
    return { url, options: { leaseMs: 100 }, clean: () => dropTables(url) };
  },
};

async function dropTables(url: string): Promise<void> {
  const { DynamoDB } = await import("@aws-sdk/client-dynamodb");
  const { dynamoOptions } = await import("./options.js");
  const { silentLog, systemClock } = await import("@bk/core");
  const { endpoint = "", region = "us-east-1", credentials } = dynamoOptions({ url, options: {}, clock: systemClock, log: silentLog });
  const client = new DynamoDB({ endpoint, region, ...(credentials === undefined ? {} : { credentials }) });
  const { TableNames = [] } = await client.listTables({});
  for (const TableName of TableNames) await client.deleteTable({ TableName });
  client.destroy();
}
