// Files of folders, for everybody who may ask at all.

import { join } from "node:path";

import { filePlace, namesOf } from "./file-path.js";
import { fileReply, type FoundFile } from "./file-reply.js";
import { type StaticOptions, staticSettings } from "./static-options.js";

/** What a server has in its folders. */
export interface StaticFiles {
  /**
   * Looks for a file.
   *
   * @param request  its method and headers
   * @param path  as it was sent, without its query
   * @param host  without its port
   * @returns  undefined where there is none; `folder` for one that is asked for without the slash at its end
   */
  find(request: Request, path: string, host: string): Promise<FoundFile | "folder" | undefined>;
  /** The reply with a file; undefined when it has gone. */
  reply(request: Request, found: FoundFile): Promise<Response | undefined>;
}

/** In the order in which they are chosen; what a client takes of them, and then the file itself. */
const encodings = [
  ["br", ".br"],
  ["zstd", ".zst"],
  ["gzip", ".gz"],
] as const;

/** @throws BkError `invalid` naming the option, also for folders that are not there */
export function staticFiles(options: StaticOptions): StaticFiles {
  const settings = staticSettings(options);
  const { index, extensions, precompressed } = settings;

  /** A file, or a folder that is asked for without its slash. */
  async function findIn(root: string, names: readonly string[], accepted: ReadonlySet<string>): Promise<FoundFile | "folder" | undefined> {
    const isFolder = names.at(-1) === "";
    const own = isFolder ? names.slice(0, -1) : names;
    if (isFolder) return index === false ? undefined : file(root, [...own, index], accepted);
    const found = await file(root, own, accepted);
    if (found !== undefined) return found;
    for (const ending of extensions) {
      const other = await file(root, [...own.slice(0, -1), `${own.at(-1)}.${ending}`], accepted);
      if (other !== undefined) return other;
    }
    if (index === false) return undefined;
    return (await file(root, [...own, index], accepted)) === undefined ? undefined : "folder";
  }

  async function file(root: string, names: readonly string[], accepted: ReadonlySet<string>): Promise<FoundFile | undefined> {
    const path = names.join("/");
    const whole = await filePlace(root, join(root, ...names));
    if (whole === undefined) return undefined;
    if (precompressed)
      for (const [encoding, ending] of encodings) {
        if (!accepted.has(encoding)) continue;
        const packed = await filePlace(root, join(root, ...names) + ending);
        // One that was made of an older file is another file.
        if (packed !== undefined && packed.stats.mtimeMs >= whole.stats.mtimeMs) return { ...packed, path, encoding };
      }
    return { ...whole, path, encoding: undefined };
  }

  return {
    async find({ method, headers }, path, host) {
      if (method !== "GET" && method !== "HEAD") return undefined;
      const names = namesOf(path);
      if (names === undefined) return undefined;
      const accepted = acceptedEncodings(headers.get("accept-encoding"));
      const isShared = settings.shared?.test(`/${names.join("/")}`) === true;
      const own = isShared ? undefined : settings.hosts.find(({ fits }) => fits(host));
      for (const root of own?.roots ?? settings.roots) {
        const found = await findIn(root, names, accepted);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    reply: (request, found) => fileReply(request, found, settings),
  };
}

/** Encodings that a client takes (RFC 9110, 12.5.3); `q=0` refuses one, also behind `*`. */
function acceptedEncodings(header: string | null): ReadonlySet<string> {
  const weights = new Map<string, number>();
  for (const part of (header ?? "").slice(0, 500).split(",")) {
    const [name = "", ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
    const q = parameters.find((each) => each.startsWith("q="));
    weights.set(name === "x-gzip" ? "gzip" : name, q === undefined ? 1 : Number(q.slice(2)));
  }
  return new Set(encodings.map(([name]) => name).filter((name) => (weights.get(name) ?? weights.get("*") ?? 0) > 0));
}
