// docs/reference/configuration.md, from the descriptions of the settings.
import type { Parameter } from "@bk/core";
import { environmentName } from "../packages/server/src/config/define-config.js";
import { shownDefault } from "../packages/server/src/config/layers.js";
import { allSettings } from "../packages/server/src/settings/settings.js";
import { markdownTable } from "./capability-tables.js";

const groups = [
  "General",
  "Configuration",
  "Modules",
  "Processes",
  "Security",
  "TLS",
  "Mail",
  "Push",
  "Logging",
  "Proxy",
  "Metrics",
  "Upkeep",
  "Log watcher",
  "Limits",
] as const;

/** Every setting of bk-server, by group. */
export function configurationPage(): string {
  const all = Object.entries(allSettings as Readonly<Record<string, Parameter>>);
  const unknown = all.find(([, { group = "General" }]) => !groups.some((known) => known === group));
  if (unknown !== undefined) throw new Error(`scripts/configuration-page.ts needs the group ${unknown[1].group}`);
  const sections = groups.map((group) => {
    const rows = all
      .filter(([, { group: own = "General" }]) => own === group)
      .map(([name, parameter]) => [
        `\`${name}\`${(parameter.aliases ?? []).map((alias) => `, \`${alias}\``).join("")}`,
        // The words of some are more than a variable's name can have.
        parameter.word?.includes("[^") === true ? "" : `\`${environmentName(name)}\``,
        parameter.type.mustBe,
        shownDefault(parameter) ?? "",
        parameter.live ? "yes" : "",
        parameter.help,
      ]);
    return `## ${group}\n\n${markdownTable(["setting", "variable", "must be", "default", "live", ""], rows)}\n`;
  });
  return `# Configuration of bk-server

Each setting is an option (\`--port 8080\`, or \`-port 8080\`), a variable, and a name in a configuration file (\`port=8080\`). A name after the
comma is an older one that is taken too. *Live* ones are changed without a restart. Where settings come from, and what files may hold, is told in
[Configuration](../guides/configuration.md).

${sections.join("\n")}`;
}
