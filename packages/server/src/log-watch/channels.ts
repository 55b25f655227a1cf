// Which lines of a log are worth telling, and as what.

export interface Channel {
  readonly name: string;
  readonly match: RegExp;
  readonly ignore: RegExp | undefined;
}

/** Lines that are told with one of a channel that stands up to `range` lines before, and never by themselves: the channel `any`. */
export interface Attached extends Pick<Channel, "match" | "ignore"> {
  readonly range: number;
}

export const attachedName = "any";

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
export function matchesOf(lines: readonly string[], channels: readonly Channel[], attached?: Attached): Match[] {
  const found: { channel: string; text: string; readonly at: number }[] = [];
  let last: { text: string } | undefined;
  const isOf = (seen: string, { match, ignore }: Pick<Channel, "match" | "ignore">): boolean =>
    match.test(seen) && ignore?.test(seen) !== true;
  for (const [at, line] of lines.entries()) {
    const seen = line.slice(0, longestSeen);
    const isMore = /^[ \t]/.test(line);
    if (!isMore) last = undefined;
    if (!isMore && seen.includes(ownMark)) continue;
    const channel = isMore ? undefined : channels.find((each) => isOf(seen, each));
    if (channel !== undefined) {
      const match = { channel: channel.name, text: seen, at };
      found.push(match);
      last = match;
      continue;
    }
    const before = found.at(-1);
    if (!isMore && attached !== undefined && before !== undefined && at - before.at <= attached.range && isOf(seen, attached))
      last = before;
    if (last !== undefined && last.text.length < longestText) last.text += `\n${seen}`;
  }
  return found.map(({ channel, text }) => ({ channel, text }));
}
