// A load that is there all the time: every third request sends something.

import { Agent, request } from "node:http";
import { Agent as TlsAgent, request as requestTls } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks all of the URLs in turn, over connections that are kept, one request after another on each, until it is told to end.
 *
 * @param ca  whom it trusts, where the URLs are of https
 */
export function askOn(
  urls: readonly string[],
  connections: number,
  ca?: string,
): { end(): Promise<{ readonly served: number; readonly failed: readonly string[] }> } {
  const options = { keepAlive: true, maxSockets: connections };
  const [agent, ask] = ca === undefined ? [new Agent(options), request] : [new TlsAgent({ ...options, ca }), requestTls];
  let [isEnding, served, count] = [false, 0, 0];
  const failed: string[] = [];
  const one = (url: string): Promise<void> =>
    new Promise((resolve) => {
      const sent = ask(url, { agent, method: count % 3 === 0 ? "POST" : "GET" }, (reply) => {
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
