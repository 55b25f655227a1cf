/** Something a server needs on this machine, and the Debian packages that bring it. */
export interface Need {
  readonly what: string;
  readonly packages: readonly string[];
  found(): boolean;
}

/** A download that is kept in the cache folder. */
export interface Artifact {
  readonly what: string;
  cached(): boolean;
  /** Downloads when it is not cached, then checks it; throws when the check fails. */
  fetch(): Promise<void>;
}

/** Where one instance lives. */
export interface Place {
  /** Data folder, kept over `kill` and `start`. */
  readonly data: string;
  readonly ports: readonly number[];
  /** Whether acknowledged writes must survive a SIGKILL of the server. */
  readonly durable: boolean;
}

/** How one real server is had, started and asked: everything that differs between servers, and nothing else. */
export interface Recipe {
  readonly name: string;
  /** The environment variable that holds its URL for the tests. */
  readonly variable: string;
  readonly portCount: number;
  /** Addresses whose ports must be free; default 127.0.0.1 alone. */
  readonly hosts?: readonly string[];
  readonly needs: readonly Need[];
  readonly artifact?: Artifact;
  /** What ends it in good order. */
  readonly stopSignal: "SIGTERM" | "SIGINT";
  /** What the watchdog sends when the tests are gone: KILL, or milder where KILL would leave something outside its folder. */
  readonly lastSignal: "KILL" | "QUIT";
  url(ports: readonly number[]): string;
  /** Makes the data folder ready; does nothing to one that already is. */
  prepare(place: Place): Promise<void>;
  /** One command line a process. */
  commands(place: Place): string[][];
  /** Asks the server itself; false while it does not answer as it should. */
  answers(ports: readonly number[]): Promise<boolean>;
  /** Releases what lies outside the folders after a SIGKILL that no start followed. */
  release?(place: Place): Promise<void>;
}
