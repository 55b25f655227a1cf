// Command lines of backendjs in our spelling: `-account-add login ann` becomes `account add --login=ann`.

import { bool } from "../config/value-types.js";
import { settingNames } from "../settings/settings.js";
import { type OldCommand, oldCommands, oldSwitches } from "./old-commands.js";

/** What an old command line is now, and the old words in it, to be told. */
export interface NewSpelling {
  readonly args: readonly string[];
  readonly old: string;
  readonly now: string;
}

const dashed: ReadonlyMap<string, OldCommand> = new Map(
  oldCommands.flatMap((command) => (command.old.startsWith("-") ? [[command.old.slice(1), command]] : [])),
);
const plain: ReadonlyMap<string, OldCommand> = new Map(oldCommands.map((command) => [command.old, command]));

/** Undefined for a command line that is none of the old ones. `known` are the words that our commands begin with. */
export function newSpelling(args: readonly string[], known: ReadonlySet<string>): NewSpelling | undefined {
  const word = args[0] === undefined || known.has(args[0]) ? undefined : plain.get(args[0]);
  if (word !== undefined && !word.old.startsWith("-"))
    return { args: [...word.now.split(" "), ...args.slice(1)], old: word.old, now: word.now };
  if (args[0] !== undefined && !args[0].startsWith("-")) return undefined;
  const isSwitch = (name: string): boolean => Object.hasOwn(oldSwitches, name) || name === "daemon";
  // Not `--web`, which is a setting.
  const switches = args.filter((arg) => isSwitch(nameOf(arg)) && !(arg.startsWith("--") && settingNames.find(nameOf(arg)) !== undefined));
  const others = switches.length === 0 ? args : args.filter((arg) => !switches.includes(arg));
  // Serving makes tables anyway.
  const isServing = switches.some((arg) => nameOf(arg) !== "shell");
  const at = others.findIndex((arg) => dashed.has(nameOf(arg)) && !(arg.startsWith("--") && nameOf(arg) === "help"));
  const command = at < 0 ? undefined : dashed.get(nameOf(others[at]!))!;
  if (isServing || (command === undefined && switches.length > 0)) return started(switches, others);
  // Ours has `-help` too: of bk-server alone.
  if (command === undefined || (command.now === "help" && others.length === 1)) return undefined;
  const spelled = wordsOf(command, others.slice(at + 1));
  return { args: [...command.now.split(" "), ...spelled, ...others.slice(0, at)], old: command.old, now: command.now };
}

/** `-account-add` → `account-add`; nothing for a word. */
function nameOf(arg: string): string {
  return /^--?([a-z][a-z-]*)$/.exec(arg)?.[1] ?? "";
}

function started(switches: readonly string[], others: readonly string[]): NewSpelling {
  const role = Object.keys(oldSwitches).find((name) => switches.some((arg) => nameOf(arg) === name));
  const now = role === undefined ? "start" : oldSwitches[role]!;
  const isInBackground = now === "start" && switches.some((arg) => nameOf(arg) === "daemon");
  const args = others.filter((arg) => nameOf(arg) !== "db-create-tables");
  return { args: [now, ...(isInBackground ? ["--daemon"] : []), ...args], old: switches.join(" "), now };
}

/** The words and options behind a command. */
function wordsOf({ options = {}, named = [], plain: isPlain = false, unless }: OldCommand, args: readonly string[]): string[] {
  const [first, ours, words]: [string[], string[], string[]] = [[], [], []];
  let isLeft = false;
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const name = nameOf(arg);
    if (name === "") {
      words.push(arg.replaceAll("%20", " "));
      continue;
    }
    if (unless?.flag === name) isLeft = true;
    const option = Object.hasOwn(options, name) ? options[name]! : undefined;
    if (option === "word") first.push(args[++i] ?? "");
    else if (option !== undefined) {
      if (option.as !== "") ours.push(option.flag === true ? `--${option.as}` : `--${option.as}=${args[++i] ?? ""}`);
    } else {
      // A setting, or what is none, which is told by its name.
      ours.push(arg);
      const setting = settingNames.find(name);
      if (setting !== undefined && (setting.parameter.type !== bool || bool.read(args[i + 1]) !== undefined)) ours.push(args[++i] ?? "");
    }
  }
  if (isPlain) return [...first, ...words, ...ours];
  const fields: string[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const [name, value = ""] = [words[i]!, words[i + 1]];
    if (named.includes(name)) ours.push(`--${name}=${value}`);
    else fields.push(`${name}=${value}`);
  }
  return [...first, ...ours, ...(unless === undefined || isLeft ? [] : [unless.option]), ...fields];
}
