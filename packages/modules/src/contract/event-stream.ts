// What an endpoint replies that tells what happens as it happens. The server sends it: as Server-Sent Events, or as messages of a WebSocket.
// Many are open at a time, so each is one object that keeps nothing of the request that opened it.

import type { Call } from "./endpoint.js";

/** How often something is sent, so that a connection that is gone is noticed. */
const beatMs = 20_000;
/** Events that wait until the stream begins. */
const mostEarly = 1_000;

/** What is sent: an id to go on from, and JSON. */
export interface StreamedEvent {
  readonly id: string;
  readonly data: object;
}

/** What takes events before they are sent: an open stream. */
export interface EventTaker {
  /** One has come. */
  take(event: StreamedEvent): void;
  /** Nothing comes any more. */
  end(): void;
}

export interface EventSource {
  /**
   * Hands over what comes from now on.
   *
   * @returns  ends it
   */
  listen(taker: EventTaker): Promise<() => void>;
  /** What came before and was missed; it may end the stream. What comes from both is sent once. */
  missed(taker: Pick<EventTaker, "end">): Promise<readonly StreamedEvent[]>;
  /** The call's own: the stream ends when its caller may not listen any more. */
  readonly whenRefused: Call["whenRefused"];
}

/** Where events go. */
export interface EventSink {
  event(event: StreamedEvent): void;
  /** Sends what only shows that the connection holds. */
  beat(): void;
  /** Nothing comes any more. */
  end(): void;
}

/** An open stream of events. Whoever gets one begins it, or cancels it. */
export class EventStream implements EventTaker {
  /** Those that have begun, with one timer for all. */
  static readonly #open = new Set<EventStream>();
  static #timer: ReturnType<typeof setInterval> | undefined;

  #sink: EventSink | undefined;
  #isOver = false;
  /** What comes before the stream begins; then undefined. */
  #early: StreamedEvent[] | undefined = [];
  #missed: readonly StreamedEvent[] = [];
  /** What was missed, as long as some of it may still come: it is kept before it is told. */
  #known: ReadonlySet<string> | undefined;
  #beats = 0;
  #leave: (() => void) | undefined;
  #stopAsking: (() => void) | undefined;

  private constructor() {}

  /** Opens a stream: from then on nothing is missed. Throws what the source throws. */
  static async of({ listen, missed, whenRefused }: EventSource): Promise<EventStream> {
    const stream = new EventStream();
    const leave = await listen(stream);
    stream.#leave = leave;
    // It may have ended by then.
    if (stream.#isOver) stream.cancel();
    try {
      stream.#missed = await missed(stream);
    } catch (error) {
      stream.cancel();
      throw error;
    }
    if (!stream.#isOver) stream.#stopAsking = whenRefused(() => stream.end());
    if (stream.#missed.length > 0) stream.#known = new Set(stream.#missed.map(({ id }) => id));
    return stream;
  }

  /** Sends what has come and what comes to the sink, which calls `cancel` when its client is gone. */
  begin(sink: EventSink): void {
    this.#sink = sink;
    sink.beat();
    for (const event of this.#missed) sink.event(event);
    const came = this.#early!;
    this.#missed = [];
    this.#early = undefined;
    for (const event of came) if (!this.#isKnown(event)) sink.event(event);
    if (this.#isOver) {
      sink.end();
      return;
    }
    EventStream.#open.add(this);
    EventStream.#timer ??= setInterval(() => {
      for (const each of EventStream.#open) each.#beat();
    }, beatMs).unref();
  }

  /** Nobody listens any more. */
  cancel(): void {
    this.#isOver = true;
    this.#leave?.();
    this.#leave = undefined;
    this.#stopAsking?.();
    this.#stopAsking = undefined;
    if (!EventStream.#open.delete(this) || EventStream.#open.size > 0) return;
    clearInterval(EventStream.#timer);
    EventStream.#timer = undefined;
  }

  /** For its source. */
  take(event: StreamedEvent): void {
    if (this.#isOver) return;
    if (this.#early === undefined) {
      if (!this.#isKnown(event)) this.#sink!.event(event);
    } else if (this.#early.length < mostEarly) this.#early.push(event);
  }

  /** For its source. */
  end(): void {
    if (this.#isOver) return;
    this.cancel();
    this.#sink?.end();
  }

  #beat(): void {
    if (++this.#beats === 2) this.#known = undefined;
    this.#sink!.beat();
  }

  #isKnown({ id }: StreamedEvent): boolean {
    return this.#known?.has(id) === true;
  }
}
