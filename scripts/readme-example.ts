/**
 * Gives the code of the first ts block that follows `<!-- example: run -->` in a Markdown text: the one that has to run
 * as it stands. Undefined where there is none.
 */
export function exampleOf(markdown: string): string | undefined {
  return /<!-- example: run -->\s*```(?:ts|js)\n([^]*?)\n```/.exec(markdown)?.[1];
}
