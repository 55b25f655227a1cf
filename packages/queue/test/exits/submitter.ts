// Submits without a pause, and writes down what was acknowledged, until it ends in the middle of it: by `process.exit` or by its parent.
import { appendFileSync } from "node:fs";
import { openQueue } from "@bk/queue";

const [url, name, file, how, options] = process.argv.slice(2);
const queue = await openQueue(url!, { name: name!, options: JSON.parse(options!) as Record<string, unknown> });
const atOnce = 20;
const enough = 200;
let acknowledged = 0;

async function submitOn(own: number): Promise<void> {
  for (let n = 0; ; n++) {
    const message = `${own}-${n}`;
    await queue.submit(message);
    appendFileSync(file!, `${message}\n`);
    // Others are on their way now.
    if (++acknowledged === enough && how === "exit") process.exit(7);
    if (acknowledged === enough) process.send!("enough");
  }
}
await Promise.all(Array.from({ length: atOnce }, (_, own) => submitOn(own)));
