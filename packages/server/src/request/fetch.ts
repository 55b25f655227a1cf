/** The app as it is called with a request, and what Node has of it. */
export type Fetch = (request: Request, env: unknown) => Response | Promise<Response>;
