// What may be true after requests of which some got no reply.

/** A number of things that were done: those that were replied to, and those of which nobody knows. */
export class Tally {
  #done = 0;
  #open = 0;

  add(isKnown: boolean, count = 1): void {
    if (isKnown) this.#done += count;
    else this.#open += count;
  }

  get least(): number {
    return this.#done;
  }

  get most(): number {
    return this.#done + this.#open;
  }

  admits(count: number): boolean {
    return count >= this.least && count <= this.most;
  }
}

/** A value that one account alone writes, so that what was replied to last stands, or what was written after it. */
export class Written<T> {
  #possible: readonly T[];

  constructor(first: T) {
    this.#possible = [first];
  }

  write(value: T, isKnown: boolean): void {
    this.#possible = isKnown ? [value] : [...this.#possible, value];
  }

  get possible(): readonly T[] {
    return this.#possible;
  }

  /** Whether nobody has to guess. */
  get isKnown(): boolean {
    return this.#possible.length === 1;
  }
}
