// Which requests outside of the data API change something.

import { changesData } from "./data-paths.js";

const addTokenPath = "/auth/tokens/add";

/** Whether what begins at a path is tied to the secrets of the account. */
export function needsSecrets(path: string): boolean {
  return path === "/auth" || path === addTokenPath;
}

/** The most bytes of a body that logs in. */
const maxLoginBytes = 4096;

/** Whether a request may change something, so that its signature counts once, and a session needs a page of the same site. */
export function changesSomething(path: string, target: string, hasBody: boolean): boolean {
  if (path.startsWith("/data/")) return changesData(path);
  // Asking who one is changes nothing; what is asked for beside that begins or ends a session.
  if (path === "/auth") return hasBody || target.includes("_session") || target.includes("_accesstoken") || target.includes("%");
  return path === "/auth/sessions/revoke" || path === addTokenPath || path.startsWith("/auth/totp/");
}

/** The most bytes of a body at a path: who is not known yet gets little room. */
export function bodyLimit(path: string, usual: number): number {
  return path === "/login" || path === "/logout" || path.startsWith("/login/") ? Math.min(usual, maxLoginBytes) : usual;
}
