// The commands that start a server, and those that speak to a running one.

import { fleetOrder, reloadCommand, restartCommand, statusCommand, stopCommand } from "../commands/control.js";
import { serve } from "../commands/serve.js";
import { commonSettings, placeSettings, serveSettings } from "../settings/settings.js";
import { addCommand, type CommandLine, runs, withSettings } from "./describe.js";

export function addServeCommands(line: CommandLine): void {
  const { program } = line;
  runs(line, withSettings(program, { ...placeSettings, ...commonSettings, ...serveSettings }), serve);
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
  addCommand(line, program, "reload", "have it read its configuration again, and print what changed", placeSettings, reloadCommand);
  addCommand(
    line,
    program,
    "fleet <command> [level]",
    "have all servers of the bus read their configuration again (reload), restart, or log at a level (log-level debug)",
    { ...commonSettings, bus: serveSettings.bus, "bus-secret": serveSettings["bus-secret"] },
    fleetOrder,
  );
}
