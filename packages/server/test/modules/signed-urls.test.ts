// URLs that the storage of icons and files signs: they are given to whom may read, and need nothing else.
import { createHash, createHmac } from "node:crypto";

import { files, icons } from "@bk/modules";
import { s3Storage } from "@bk/modules/storage";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startS3, type TestS3 } from "../../../modules/test/start-s3.js";
import { temporaryFolder } from "../run-cli.js";
import { type Reply, startServer, type TestServer } from "../start-server.js";

const signedUrlMs = 60_000;

/** The signature of a URL as Amazon's documents compute it ("Authenticating Requests: Using Query Parameters", AWS Signature Version 4). */
function signatureOf(signed: string, secret: string): string {
  const { pathname, searchParams, host } = new URL(signed);
  const encoded = (text: string): string =>
    encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const query = [...searchParams]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort();
  const request = ["GET", pathname, query.join("&"), `host:${host}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const [, ...scope] = searchParams.get("X-Amz-Credential")!.split("/") as [string, string, string, string, string];
  const text = [
    "AWS4-HMAC-SHA256",
    searchParams.get("X-Amz-Date"),
    scope.join("/"),
    createHash("sha256").update(request).digest("hex"),
  ].join("\n");
  const key = scope.reduce<string | Buffer>((made, part) => createHmac("sha256", made).update(part).digest(), `AWS4${secret}`);
  return createHmac("sha256", key).update(text).digest("hex");
}

describe("signed URLs", () => {
  let s3: TestS3;
  let on: TestServer;
  beforeAll(async () => {
    s3 = await startS3();
    const storage = s3Storage(s3.options);
    on = await startServer({ modules: [files({ storage, signedUrlMs }), icons({ storage, signedUrlMs })] });
  });
  afterAll(async () => {
    await on.server.close();
    await s3[Symbol.asyncDispose]();
  });

  const put = (name: string, text: string, acl = ""): Promise<Reply> =>
    on.call("bob", "/file/put", { json: { prefix: "p", name, data: Buffer.from(text).toString("base64"), acl_allow: acl } });
  const rows = ({ body }: Reply): Record<string, unknown>[] => body["data"] as Record<string, unknown>[];

  it("give a file with its type and name, signed for all of it and for a while", async () => {
    const { body } = await put("a-b.txt", "hello");
    const url = body["url"] as string;
    expect(url).toContain("X-Amz-Expires=60");
    const reply = await fetch(url);
    expect([reply.status, await reply.text()]).toEqual([200, "hello"]);
    expect(reply.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(reply.headers.get("content-disposition")).toBe('inline; filename="a-b.txt"');
    // What a browser would run is offered to be saved, whatever is made of the URL.
    const page = (await put("x.html", "<script>alert(1)</script>")).body["url"] as string;
    expect((await fetch(page)).headers.get("content-disposition")).toBe('attachment; filename="x.html"');
    // The server of the tests compares no signatures of this kind; S3 does.
    for (const signed of [url, page])
      expect(new URL(signed).searchParams.get("X-Amz-Signature")).toBe(signatureOf(signed, s3.options.secretAccessKey));
    expect(body).not.toHaveProperty("object");
  });

  it("are of files that the caller may read alone, and of no other's", async () => {
    await put("own.txt", "mine");
    await put("all.txt", "everybody's", "all");
    const seen = rows(await on.call("eve", `/file/select?prefix=p&id=${on.ids["bob"]}`));
    expect(seen.map(({ name }) => name)).toEqual(["all.txt"]);
    expect(await (await fetch(seen[0]!["url"] as string)).text()).toBe("everybody's");
    // An object that was replaced has another one.
    await put("all.txt", "new", "all");
    expect((await fetch(seen[0]!["url"] as string)).status).toBe(404);
  });

  it("give icons with the type that they were made in", async () => {
    const icon = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#c00" } })
      .png()
      .toBuffer();
    const json = { prefix: "account", type: "0", icon: icon.toString("base64"), _ext: "png", acl_allow: "auth" };
    const [made] = JSON.parse((await on.call("bob", "/icon/put", { json })).text) as { readonly url: string }[];
    const reply = await fetch(made!.url);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect((await sharp(await reply.arrayBuffer()).metadata()).width).toBe(8);
    const [seen] = JSON.parse((await on.call("eve", `/icon/select?prefix=account&id=${on.ids["bob"]}`)).text) as { readonly url: string }[];
    expect((await fetch(seen!.url)).status).toBe(200);
  });

  it("need a storage that signs them, and a time that it takes", async () => {
    using folder = temporaryFolder();
    const storage = s3Storage(s3.options);
    for (const make of [files, icons])
      for (const options of [
        { signedUrlMs },
        { storage, signedUrlMs: 999 },
        { storage, signedUrlMs: 604_800_001 },
        { storage, signedUrlMs: 1500.5 },
      ])
        await expect(startServer({ modules: [make(options)], home: folder.path })).rejects.toMatchObject({
          code: "invalid",
          detail: { field: "signedUrlMs" },
        });
  });
});
