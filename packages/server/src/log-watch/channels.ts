// Which lines of a log are worth telling, and as what.

export interface Channel {
  readonly name: string;
  readonly match: RegExp;
  readonly ignore: RegExp | undefined;
}

/** One thing that a log tells: a line, with those that follow it and begin with a space or tab. */
export interface Match {
  readonly channel: string;
  readonly text: string;
}

/** What is looked for where nothing else is said: as this server, the original, and most others write it. */
export const usualMatches: Readonly<Record<string, string>> = {
  error: String.raw`^(?:\S+ )?error |"level":"error"|\b(?:ERROR|ALERT|EMERG|CRIT)\b`,
  warning: String.raw`^(?:\S+ )?warn |"level":"warn"|\b(?:WARNING|WARN)\b`,
};

/** Of what the watcher itself says nothing is told: it would tell of that, too. */
export const ownMark = "log watcher: ";
/** Expressions see no more of a line: callers write some of it. */
const longestSeen = 2000;
const longestText = 4000;

/** The first channel that a line fits counts. */
export function matchesOf(lines: readonly string[], channels: readonly Channel[]): Match[] {
  const found: { channel: string; text: string }[] = [];
  let last: { channel: string; text: string } | undefined;
  for (const line of lines) {
    if (/^[ \t]/.test(line)) {
      if (last !== undefined && last.text.length < longestText) last.text += `\n${line.slice(0, longestSeen)}`;
      continue;
    }
    last = undefined;
    const seen = line.slice(0, longestSeen);
    if (seen.includes(ownMark)) continue;
    const channel = channels.find(({ match, ignore }) => match.test(seen) && ignore?.test(seen) !== true);
    if (channel === undefined) continue;
    last = { channel: channel.name, text: seen };
    found.push(last);
  }
  return found;
}
