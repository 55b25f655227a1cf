import { DynamoDB } from "@aws-sdk/client-dynamodb";
import type { Contestant, Entry } from "../contestant.js";
import type { User } from "../users.js";

/** The client has so many sockets. */
const atOnce = 50;

function clientOf(url: string): DynamoDB {
  const { host, searchParams } = new URL(url);
  const credentials = { accessKeyId: searchParams.get("accessKeyId")!, secretAccessKey: searchParams.get("secretAccessKey")! };
  return new DynamoDB({ endpoint: `http://${host}`, region: searchParams.get("region")!, credentials });
}

export const entry: Entry = {
  async create(url) {
    const client = clientOf(url);
    await client.createTable({
      TableName: "users",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      BillingMode: "PAY_PER_REQUEST",
    });
    client.destroy();
  },
  async open(url): Promise<Contestant> {
    const client = clientOf(url);
    const TableName = "users";
    const keyOf = (id: string) => ({ id: { S: id } });
    const itemOf = ({ id, name, email, age, balance, active, meta, mtime }: User) => ({
      id: { S: id },
      name: { S: name },
      email: { S: email },
      age: { N: String(age) },
      balance: { N: String(balance) },
      active: { BOOL: active },
      meta: { S: JSON.stringify(meta) },
      mtime: { N: String(mtime) },
    });
    return {
      get: async (id) => (await client.getItem({ TableName, Key: keyOf(id) })).Item,
      put: (user) => client.putItem({ TableName, Item: itemOf(user) }),
      del: (id) => client.deleteItem({ TableName, Key: keyOf(id) }),
      async bulk(users: readonly User[]) {
        for (let i = 0; i < users.length; i += atOnce)
          await Promise.all(users.slice(i, i + atOnce).map((user) => client.putItem({ TableName, Item: itemOf(user) })));
      },
      async clear() {
        const { Items = [] } = await client.scan({
          TableName,
          FilterExpression: "begins_with(id, :x)",
          ExpressionAttributeValues: { ":x": { S: "x-" } },
        });
        for (let i = 0; i < Items.length; i += atOnce)
          await Promise.all(Items.slice(i, i + atOnce).map(({ id }) => client.deleteItem({ TableName, Key: { id: id! } })));
      },
      close: () => client.destroy(),
    };
  },
};
