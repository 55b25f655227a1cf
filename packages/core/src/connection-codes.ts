// What the codes of the system's own errors say of a request.

/** No connection was made, so that nothing was sent. */
export const notReachedCodes: ReadonlySet<unknown> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);

/** The connection broke: what was sent may have been carried out. */
export const lostConnectionCodes: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"]);
