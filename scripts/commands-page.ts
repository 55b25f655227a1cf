// docs/reference/commands.md, from the descriptions of the commands.
import { oldCommands, oldSwitches } from "../packages/server/src/command-line/old-commands.js";
import { allCommands, buildProgram, type NamedCommand, ownOptions } from "../packages/server/src/command-line/program.js";
import { markdownTable } from "./capability-tables.js";

/** Every command of bk-server with its options, and those of backendjs. */
export function commandsPage(): string {
  const commands = allCommands(buildProgram()).filter(({ name, command }) => name !== "" && command.commands.length === 0);
  const old = oldCommands.map(({ old: name, example: [before, after] }) => [
    `\`${name}\``,
    `\`${before === name && after === before ? name : before}\``,
    `\`bk-server ${after}\``,
  ]);
  const switches = Object.entries(oldSwitches).map(([name, now]) => [`\`-${name}\``, `\`-${name}\``, `\`bk-server ${now}\``]);
  return `# Commands of bk-server

\`bk-server\` alone serves. Each command takes \`--help\`, and the [settings](configuration.md) that it uses among its options: \`--home\`, \`--db\`,
\`--tables\`. Long options may have one dash. With \`--json\` standard output is JSON, a line for each thing. The exit code is 0; 1 when a command failed,
or a server said no; 2 when it was not understood. Secrets are given by \`-\`: a terminal is asked for them, and standard input is read. What cannot
be taken back asks, and needs \`--yes\` where there is no terminal.

${commands.map(section).join("\n")}
## Commands of backendjs

Their spelling is taken too, and told as an old one.

${markdownTable(["old", "such as", "becomes"], [...old, ...switches])}
`;
}

function section({ name, command }: NamedCommand): string {
  const aliases = command.aliases().map((alias) => `\`${alias}\``);
  const options = ownOptions(command).filter(({ long }) => long !== "--json");
  const rows = options.map((option) => {
    const isGiven = option.defaultValue !== undefined;
    const choices = option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`;
    return [`\`${option.flags}\``, `${option.description}${choices}${isGiven ? `; default: ${String(option.defaultValue)}` : ""}`];
  });
  // Commander's own begins with [options].
  const usage = command.usage().replace(/^\[options\] ?/, "");
  return `## ${name}

\`bk-server ${name}${usage === "" ? "" : ` ${usage}`}\`${aliases.length === 0 ? "" : `, also ${aliases.join(", ")}`}: ${command.description()}.
${rows.length === 0 ? "" : `\n${markdownTable(["option", ""], rows)}\n`}`;
}
