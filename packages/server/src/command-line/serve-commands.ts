// The commands that start a server, and those that speak to a running one.

import { attachCommand } from "../commands/attach.js";
import { fleetOrder, killCommand, reloadCommand, restartCommand, statusCommand, stopCommand } from "../commands/control.js";
import { startCommand } from "../commands/daemon.js";
import { logWatchCommand } from "../commands/log-watch.js";
import { devCommand } from "../commands/dev.js";
import { serve } from "../commands/serve.js";
import { statsCommand } from "../commands/stats.js";
import { logSettings } from "../settings/log-settings.js";
import { logWatchSettings } from "../settings/log-watch-settings.js";
import { allSettings, commonSettings, mailSettings, placeSettings, serveSettings } from "../settings/settings.js";
import { addCommand, type CommandLine, runs, withSettings } from "./describe.js";

export function addServeCommands(line: CommandLine): void {
  const { program } = line;
  runs(line, withSettings(program, allSettings), serve);
  addCommand(line, program, "start", "serve, as bk-server alone does", allSettings, startCommand)
    .aliases(["monitor", "master", "server"])
    .option("--daemon", "in the background; ends once the server serves. Its output goes to var/bk-server.log");
  runs(line, addCommand(line, program, "web", "serve, and run no jobs", allSettings, serve), serve, { "job-workers": "0" });
  const dev = addCommand(line, program, "dev", "serve while you work on the app: what is saved is there at once", allSettings, devCommand);
  runs(line, dev.alias("watch"), devCommand, { development: "true" });
  addCommand(
    line,
    program,
    "stats",
    "print what the running server counts, asking as an admin",
    { ...placeSettings, ...commonSettings },
    statsCommand,
  )
    .option("--login <text>", "the admin; default: the first one in the database")
    .option("--url <url>", "where the server is; default: this machine, at the configured port")
    .option("--prometheus", "as Prometheus reads it");
  addCommand(line, program, "status", "print the running server of the home folder and its processes", placeSettings, statusCommand);
  addCommand(line, program, "stop", "have the running server finish what runs and end, and wait for that", placeSettings, stopCommand);
  addCommand(
    line,
    program,
    "restart [role]",
    "replace its processes, web or worker or all, one after another, without a failed request; ends when they are",
    placeSettings,
    restartCommand,
  );
  addCommand(
    line,
    program,
    "attach [role]",
    "a shell within a running process: server, or such as web:0 or worker:1; what is typed is logged there",
    placeSettings,
    attachCommand,
  ).option("--eval <code>", "runs this in place of asking, and prints its value");
  addCommand(
    line,
    program,
    "kill <role>",
    "end its processes of a role, web or worker, at once; others take their place",
    placeSettings,
    killCommand,
  );
  addCommand(line, program, "reload", "have it read its configuration again, and print what changed", placeSettings, reloadCommand);
  addCommand(
    line,
    program,
    "logwatch",
    "look at the logs once, and tell what is new by the settings logwatch-…",
    { ...commonSettings, ...logSettings, ...logWatchSettings, ...mailSettings },
    logWatchCommand,
  );
  addCommand(
    line,
    program,
    "fleet <command> [level]",
    "have all servers of the bus read their configuration again (reload), restart, or log at a level (log-level debug)",
    { ...commonSettings, bus: serveSettings.bus, "bus-secret": serveSettings["bus-secret"] },
    fleetOrder,
  );
}
