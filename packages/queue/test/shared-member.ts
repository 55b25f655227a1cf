// A process of several that share queues and channels by one name: `shared-member.ts NAME ROLE`. It says what it sees to its parent.
import { openPubSub, openQueue, openService } from "@bk/queue";

const [name, role] = process.argv.slice(2);
const url = `shared:${name}`;
const say = (message: unknown): void => void process.send!(message);

if (role === "listen") {
  const bus = await openPubSub(url);
  await bus.subscribe("news.*", (data) => say({ got: data }));
} else if (role === "serve") {
  const service = await openService("math", { url });
  await service.expose({
    same: (n: number) => n,
    never: () => {
      say("begun");
      return new Promise(() => undefined);
    },
  });
} else {
  const queue = await openQueue(url, { name: "work" });
  // Its handlers never end: it is there to be killed.
  await queue.listen(
    (data, { attempt }) => {
      say({ took: data, attempt });
      return new Promise(() => undefined);
    },
    { visibilityTimeoutMs: 1_000 },
  );
}
say("ready");
