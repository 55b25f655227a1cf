/** The first items of an order, of any number that are added: no more than so many are ever held. */
export class FirstOf<Item> {
  /** In order. */
  readonly items: Item[] = [];
  readonly #most: number;
  readonly #compare: (a: Item, b: Item) => number;

  constructor(most: number, compare: (a: Item, b: Item) => number) {
    this.#most = most;
    this.#compare = compare;
  }

  add(item: Item): void {
    const { items } = this;
    if (items.length === this.#most) {
      if (this.#compare(item, items.at(-1)!) >= 0) return;
      items.pop();
    }
    items.splice(this.#placeOf(item), 0, item);
  }

  /** Behind its equals. */
  #placeOf(item: Item): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(item, this.items[middle]!) < 0) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
