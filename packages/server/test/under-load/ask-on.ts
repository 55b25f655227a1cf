// A load that is there all the time: every third request sends something.

import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks all of the URLs in turn, over connections that are kept, one request after another on each, until it is told to end. */
export function askOn(
  urls: readonly string[],
  connections: number,
): { end(): Promise<{ readonly served: number; readonly failed: readonly string[] }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let [isEnding, served, count] = [false, 0, 0];
  const failed: string[] = [];
  const one = (url: string): Promise<void> =>
    new Promise((resolve) => {
      const sent = request(url, { agent, method: count % 3 === 0 ? "POST" : "GET" }, (reply) => {
        // Who is not known is answered, too.
        if (reply.statusCode === 200 || reply.statusCode === 401) served++;
        else failed.push(`${url} ${reply.statusCode}`);
        reply.resume().once("close", resolve);
      });
      sent.once("error", (error: NodeJS.ErrnoException) => {
        failed.push(error.code ?? error.message);
        resolve();
      });
      sent.end();
    });
  const loops = Array.from({ length: connections }, async () => {
    while (!isEnding) {
      await one(urls[count++ % urls.length]!);
      await sleep(5);
    }
  });
  return {
    async end() {
      isEnding = true;
      await Promise.all(loops);
      agent.destroy();
      return { served, failed };
    },
  };
}
