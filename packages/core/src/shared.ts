// What one process of a machine keeps for others, over a local socket. Apart from the rest, which runs in browsers too.

export { type SharedCaller, SharedLink, type SharedLinkOptions, sharedPath, type SharedService } from "./shared-link.js";
