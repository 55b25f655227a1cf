// The arguments of this process. All users of a machine read those of a command, and nobody else's environment: so they, which may
// hold secrets, reach a process that a server starts by a variable.

const variable = "BK_ARGUMENTS_OF_PROCESS";

const { [variable]: given } = process.env;
// For nobody that this process starts.
delete process.env[variable];

export const ownArguments: readonly string[] = given === undefined ? process.argv.slice(2) : (JSON.parse(given) as string[]);

/** The environment of a process that gets these arguments. */
export function withArguments(args: readonly string[]): NodeJS.ProcessEnv {
  return { ...process.env, [variable]: JSON.stringify(args) };
}
