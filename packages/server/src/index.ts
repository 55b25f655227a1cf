export { type BkServer, createServer, type ServerOptions } from "./server.js";
export { defaultLimits, type LiveLimits, liveLimits, type ServerLimits } from "./limits.js";
export type { LoginSettings } from "./login-setup.js";
export type { CorsOptions } from "./middleware/cors.js";
export type { ListenOptions } from "./listen.js";
export { type Locales, type LocalesGiven, type LocalesOptions, openLocales, type Translated } from "./locales/locales.js";
export type { StaticHost, StaticOptions } from "./static/static-options.js";
export type { View, ViewOptions } from "./static/view.js";
export type { ErrorBody } from "./error-response.js";
