/**
 * A path, or all paths of a shape. Text must fit from end to end; `*` in it stands for any text, slashes included, so `/data/*` is
 * everything below `/data/`. A regular expression must fit from end to end as well, whether it says so or not.
 */
export type PathPattern = string | RegExp;

export type PathTest = (path: string) => boolean;

/** Compiles patterns into one test; without patterns nothing fits. Text takes linear time, whatever the path. */
export function compilePatterns(patterns: readonly PathPattern[]): PathTest {
  const tests = patterns.map((pattern) => (typeof pattern === "string" ? compileGlob(pattern) : compileRegExp(pattern)));
  return (path) => tests.some((test) => test(path));
}

/**
 * The ways in which a server may read a path: as it stands, and decoded, with `//` and dot segments resolved and without its last slash.
 *
 * A rule that opens something must fit every reading, one that closes something any of them.
 */
export function readings(path: string): readonly string[] {
  const segments: string[] = [];
  for (const segment of decodeLeniently(path).replaceAll("\\", "/").split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const plain = `/${segments.join("/")}`;
  // Equal but for the last slash: one reading for the rules that open, which would otherwise never fit "/data/".
  return path === plain || path === `${plain}/` ? [path] : [path, plain];
}

/** The same for rules that close: with and without the last slash. */
export function closingReadings(path: string): readonly string[] {
  return readings(path).flatMap((reading) => [reading, reading.replace(/\/+$/, "") || "/"]);
}

function compileGlob(pattern: string): PathTest {
  const [first, ...rest] = pattern.split("*") as [string, ...string[]];
  const last = rest.pop();
  if (last === undefined) return (path) => path === first;
  return (path) => {
    if (!path.startsWith(first) || !path.endsWith(last) || path.length < first.length + last.length) return false;
    const end = path.length - last.length;
    let at = first.length;
    for (const part of rest) {
      const found = path.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}

function compileRegExp(pattern: RegExp): PathTest {
  const anchored = new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gym]/g, ""));
  return (path) => anchored.test(path);
}

function decodeLeniently(text: string): string {
  // Escapes that are malformed, or not UTF-8, stand for themselves.
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}
