/** A running server of the tests. */
export interface Service {
  readonly name: string;
  readonly url: string;
  /** The first process of the server; undefined when it is not a child of this process. */
  readonly pid: number | undefined;
  /** Ends it in good order, waits for the end and removes what it left. */
  stop(): Promise<void>;
  /**
   * SIGKILL to the whole process tree; waits until every process is gone. Data stays.
   *
   * @param node  of a cluster: its first node is 0; without it all of them
   */
  kill(node?: number): Promise<void>;
  /** Starts it again, or those nodes of a cluster that do not run, on the same ports and data folder; waits until all answer. */
  start(): Promise<void>;
}

/** Options of a server of one's own. */
export interface ServiceOptions {
  /** Data folder, kept on `stop`; without it one is made and removed. Its parents must be searchable by others. */
  readonly dir?: string;
  /** Port (of a cluster: the first of six in a row); without it free ones are chosen. */
  readonly port?: number;
}

/** Says why a server cannot be had on this machine. */
export class NoServiceError extends Error {
  readonly service: string;

  constructor(service: string, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "NoServiceError";
    this.service = service;
  }
}
