import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exchange } from "./exchange.js";
import { onPath } from "./on-path.js";
import type { Place, Recipe } from "./recipe.js";
import { asNobody, folderForNobody } from "./run-as.js";

// Not the script on the PATH, which changes to another user and writes to /var.
const program = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/** RabbitMQ, with guest and its usual password. */
export const rabbitmq: Recipe = {
  name: "rabbitmq",
  variable: "BK_TEST_RABBITMQ",
  // Its own, that of its port mapper, and that for other nodes.
  portCount: 3,
  needs: [{ what: "rabbitmq-server", packages: ["rabbitmq-server"], found: () => existsSync(program) }],
  stopSignal: "SIGTERM",
  lastSignal: "KILL",
  url: ([port]) => `amqp://guest:guest@127.0.0.1:${port}`,
  prepare,
  // The port mapper is started here and not by the node, which would leave it behind.
  commands: (place) => [
    asNobody([onPath("epmd") ?? "epmd", "-port", String(place.ports[1]), "-address", "127.0.0.1"]),
    asNobody(["env", ...environment(place), program]),
  ],
  answers: async ([port = 0]) => (await exchange(port, greeting, (reply) => reply[0] === methodFrame)) ?? false,
};

// AMQP 0-9-1; a server that is ready answers with a frame.
const greeting = Buffer.from("AMQP\0\0\x09\x01", "latin1");
const methodFrame = 1;

async function prepare({ data, ports: [port] }: Place): Promise<void> {
  folderForNobody(data);
  const settings = [
    `{tcp_listeners, [{"127.0.0.1", ${port}}]}`,
    "{loopback_users, []}",
    '{vm_memory_high_watermark, {absolute, "1GB"}}',
    '{disk_free_limit, "50MB"}',
  ];
  await writeFile(join(data, "rabbitmq.config"), `[{rabbit, [${settings.join(", ")}]}].\n`);
  await writeFile(join(data, "enabled_plugins"), "[].\n");
}

function environment({ data, ports: [port, mapper, others] }: Place): string[] {
  const settings = {
    HOME: data,
    ERL_EPMD_PORT: mapper,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_DIST_PORT: others,
    RABBITMQ_NODENAME: `test${port}@localhost`,
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_MNESIA_BASE: join(data, "mnesia"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_LOG_BASE: join(data, "logs"),
    RABBITMQ_PID_FILE: join(data, "pid"),
    RABBITMQ_CONFIG_FILE: join(data, "rabbitmq.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(data, "enabled_plugins"),
    // Without these it spins on processors that others need.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}",
  };
  return Object.entries(settings).map(([name, value]) => `${name}=${value}`);
}
