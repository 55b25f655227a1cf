/** Control and format characters, line and paragraph separators, lone surrogates: what moves a terminal's cursor or turns its direction. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;
const onlyAscii = /^[\x20-\x7e]*$/;

/**
 * Makes a text of somebody else's fit for a log line: what is not printable becomes `\uXXXX`. JSON stays JSON with the same meaning.
 *
 * @param most  characters that are kept; default all
 */
export function plainText(text: string, most = Infinity): string {
  const kept = text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
  // Nearly every text is plain ASCII, and every line of a log comes by here.
  return onlyAscii.test(kept) ? kept : kept.replace(unprintable, escaped);
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_unit, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`).join("");
}
