// The guide of the small social app, step by step in Chromium: its page against bk-server, for two people at once.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type RunningServer, startServerProcess, temporaryFolder } from "../../packages/server/test/run-cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const example = join(root, "docs/examples/social");
const chromiumUrl = process.env["BK_TEST_CHROMIUM"];

/** How the guide starts the server, without the origin of the page. */
const serverArguments = /^npx bk-server (.+) --cors-origins \S+$/m
  .exec(readFileSync(join(root, "docs/guides/social-app.md"), "utf8"))![1]!
  .split(" ");

const widthOf = (image: unknown): number => (image as { readonly naturalWidth: number }).naturalWidth;

/** Serves the page as the guide's last command does, with the server's address put in. */
async function servePage(): Promise<{ readonly origin: string; use(server: string): Promise<void>; close(): Promise<void> }> {
  let bundle = "";
  const server = createServer((request, response) => {
    const isBundle = request.url === "/bundle.js";
    response.setHeader("content-type", isBundle ? "text/javascript" : "text/html");
    response.end(isBundle ? bundle : readFileSync(join(example, "index.html")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async use(url) {
      const { outputFiles } = await build({
        entryPoints: [join(example, "app.js")],
        bundle: true,
        format: "esm",
        conditions: ["bk-source"],
        write: false,
      });
      const written = outputFiles[0]!.text;
      bundle = written.replace('"http://127.0.0.1:8000"', JSON.stringify(url));
      expect(bundle).not.toBe(written);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

describe("driver: chromium", { timeout: 120_000 }, () => {
  if (chromiumUrl === undefined) {
    it.skip("not run here", () => undefined);
    return;
  }
  const folder = temporaryFolder();
  const faults: string[] = [];
  let page: Awaited<ReturnType<typeof servePage>>;
  let server: RunningServer;
  let browser: Browser;
  let ann: Page;
  let ben: Page;

  /** The page of somebody, in a browser of their own, at a place. */
  async function openPage(latitude: number): Promise<Page> {
    const context = await browser.newContext({ geolocation: { latitude, longitude: 13.4 }, permissions: ["geolocation"] });
    const opened = await context.newPage();
    opened.on("pageerror", (error) => faults.push(error.message));
    await opened.goto(page.origin);
    return opened;
  }

  const startAt = (port: string): Promise<RunningServer> =>
    startServerProcess([...serverArguments, "--home", folder.path, "--port", port, "--cors-origins", page.origin]);

  async function say(opened: Page, text: string): Promise<void> {
    await opened.locator("#chat [name=msg]").fill(text);
    await opened.getByRole("button", { name: "Send" }).click();
  }

  async function enter(
    opened: Page,
    button: "Sign up" | "Log in",
    person: { login: string; secret: string; name?: string },
  ): Promise<void> {
    for (const [field, text] of Object.entries(person)) await opened.locator(`#enter [name=${field}]`).fill(text);
    await opened.getByRole("button", { name: button }).click();
  }

  beforeAll(async () => {
    page = await servePage();
    server = await startAt("0");
    await page.use(server.url);
    browser = await chromium.connectOverCDP(chromiumUrl);
    [ann, ben] = [await openPage(52.52), await openPage(52.6)];
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await page?.close();
    await server?.stop();
    folder[Symbol.dispose]();
  });

  it("1. signs people up, who are logged in then, and tells what is wrong", async () => {
    await enter(ann, "Sign up", { login: "ann", secret: "ann's secret", name: "Ann" });
    await ann.getByRole("heading", { name: "Ann" }).waitFor();
    await enter(ben, "Sign up", { login: "ann", secret: "another", name: "Ben" });
    await ben.getByRole("alert").filter({ hasText: "exists" }).waitFor();
    await enter(ben, "Sign up", { login: "ben", secret: "ben's secret", name: "" });
    await ben.getByRole("alert").filter({ hasText: "name" }).waitFor();
    await enter(ben, "Sign up", { login: "ben", secret: "ben's secret", name: "Ben" });
    await ben.getByRole("heading", { name: "Ben" }).waitFor();
  });

  it("2. keeps an icon, scaled", async () => {
    const buffer = await sharp({ create: { width: 400, height: 200, channels: 3, background: "#0a0" } })
      .png()
      .toBuffer();
    await ann.locator("#icon").setInputFiles({ name: "ann.png", mimeType: "image/png", buffer });
    const image = ann.locator("h1 img");
    await image.waitFor();
    await expect.poll(() => image.evaluate(widthOf)).toBe(128);
    await ben.locator("#icon").setInputFiles({ name: "ben.png", mimeType: "image/png", buffer: Buffer.from("no image") });
    await ben.getByRole("alert").filter({ hasText: "unknown image" }).waitFor();
  });

  it("3. makes friends of two who both want it, which each hears of at once", async () => {
    await ann.locator("#search [name=name]").fill("Ben");
    await ann.getByRole("button", { name: "Find" }).click();
    await ann.locator("#found").getByRole("button", { name: "Add" }).click();
    await ann.locator("#friends").getByText("Ben was asked").waitFor();
    await ben.locator("#friends").getByText("Ann asks").waitFor();
    await ben.getByRole("button", { name: "Accept" }).click();
    await ben.locator("#friends").getByRole("button", { name: "Chat" }).waitFor();
    await ann.locator("#friends").getByRole("button", { name: "Chat" }).waitFor();
    // Ben sees the icon that Ann has made for every account.
    await expect.poll(() => ben.locator("#friends img").evaluate(widthOf), { timeout: 30_000 }).toBe(128);
  });

  it("4. shows messages as they come, and what they say as text", async () => {
    for (const opened of [ann, ben]) await opened.locator("#friends").getByRole("button", { name: "Chat" }).click();
    await say(ann, "Hello Ben");
    await ben.locator("#chat").getByText("Ann: Hello Ben").waitFor();
    await say(ben, "<img src=x onerror=alert(1)>");
    await ann.locator("#chat").getByText("Ben: <img src=x onerror=alert(1)>").waitFor();
    await ann.locator("#chat").getByText("Ann: Hello Ben").waitFor();
    expect(await ann.locator("#chat img").count()).toBe(0);
  });

  it("5. finds who is near, and tells how far, but not where", async () => {
    await ann.getByRole("button", { name: "Who is near?" }).click();
    // Nobody else has said where they are.
    await ben.getByRole("button", { name: "Who is near?" }).click();
    await ben.locator("#near").getByText("Ann: about 5 km").waitFor();
    await ann.getByRole("button", { name: "Who is near?" }).click();
    await ann.locator("#near").getByText("Ben: about 5 km").waitFor();
  });

  it("hears on after the server was away", async () => {
    await server.stop();
    server = await startAt(new URL(server.url).port);
    await say(ben, "Still there?");
    await ann.locator("#chat").getByText("Ben: Still there?").waitFor();
  });

  it("has all of it again for whoever comes back, and nothing for whoever does not know the secret", async () => {
    await ann.reload();
    await enter(ann, "Log in", { login: "ann", secret: "guessed" });
    await ann.getByRole("alert").filter({ hasText: "Not authenticated" }).waitFor();
    await enter(ann, "Log in", { login: "ann", secret: "ann's secret" });
    await ann.locator("#friends").getByRole("button", { name: "Chat" }).click();
    await ann.locator("#chat").getByText("Ann: Hello Ben").waitFor();
    expect(faults).toEqual([]);
  });
});
