// What actions of the original see of a request: models by name, and jobs that run when all actions of an order have succeeded.

/** What becomes of the models of a job in the reply. */
export const renderModes = Object.freeze({ RENDER_NO: 0, RENDER_FULL: 1, RENDER_HEADER: 2 });

export interface ModelInfo {
  readonly modelId: string;
  readonly key: string;
}

/** Changes the models of one job; gives what they are now. */
export type JobFunction = (models: unknown[], done: (error?: unknown, models?: unknown[]) => void) => void;

/** `done` with an error ends the order. */
export type Action = (session: Session, data: unknown, done: (error?: unknown) => void) => void;

interface Job {
  readonly mode: number;
  readonly infos: readonly (readonly ModelInfo[])[];
  readonly subject: unknown;
  readonly run: JobFunction | undefined;
}

type Model = Record<string, unknown>;

export class Session {
  readonly #models = new Map<string, Model>();
  #jobs: Job[] = [];

  /** The model of a name, which later orders of the request see too. */
  getModel(name: string): Model {
    let model = this.#models.get(name);
    if (model === undefined) this.#models.set(name, (model = Object.create(null) as Model));
    return model;
  }

  createModelInfo(modelId: string, key: string): ModelInfo {
    return { modelId, key };
  }

  /**
   * Adds a job.
   *
   * @param mode  whether the models are in the reply: `G_PICO_WEB.RENDER_FULL`
   * @param infos  for each run of the job its models; the first one of each is in the reply
   */
  addJob(mode: number, infos: readonly (readonly ModelInfo[])[] = [], subject?: unknown, run?: JobFunction): void {
    this.#jobs.push({ mode, infos, subject, run });
  }

  /** Runs the actions of an order, then its jobs. @returns  what its reply holds */
  async run(actions: readonly Action[], data: unknown): Promise<unknown> {
    this.#jobs = [];
    for (const action of actions) await once((done) => action(this, data, done));
    const shown: Model = Object.create(null) as Model;
    for (const { mode, infos, subject, run } of this.#jobs) {
      for (const info of infos) {
        let models = info.map(({ modelId, key }) => this.getModel(modelId)[key]);
        if (run !== undefined) models = (await once<unknown[]>((done) => run.call(subject, models, done))) ?? models;
        if (mode === renderModes.RENDER_FULL && info[0] !== undefined) shown[info[0].key] = models[0];
      }
    }
    const keys = Object.keys(shown);
    return keys.length === 1 ? shown[keys[0]!] : { ...shown };
  }
}

/** Waits for a callback; what is called twice counts once. */
function once<T = void>(work: (done: (error?: unknown, value?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    work((error, value) => (error === undefined || error === null ? resolve(value) : reject(error as Error)));
  });
}
