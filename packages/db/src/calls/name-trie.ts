// What is known of rows by the list of names that they give, found without making a text of them.

interface Node<T> {
  readonly next: Map<string, Node<T>>;
  value: T | undefined;
}

/** Most lists of names that are kept. */
const most = 500;

export class NameTrie<T> {
  readonly #root: Node<T> = { next: new Map(), value: undefined };
  #size = 0;

  /** What is kept for the names of a row, in their order. */
  find(row: unknown): T | undefined {
    if (typeof row !== "object" || row === null) return undefined;
    let node: Node<T> | undefined = this.#root;
    const names = Object.keys(row);
    for (let i = 0; i < names.length; i++) {
      node = node.next.get(names[i]!);
      if (node === undefined) return undefined;
    }
    return node.value;
  }

  /** What is kept for these names, made now if there is nothing; undefined when no more is kept. */
  keep(names: readonly string[], make: () => T): T | undefined {
    if (this.#size >= most) return this.#walk(names)?.value;
    let node = this.#root;
    for (const name of names) {
      let next = node.next.get(name);
      if (next === undefined) node.next.set(name, (next = { next: new Map(), value: undefined }));
      node = next;
    }
    if (node.value === undefined) {
      node.value = make();
      this.#size++;
    }
    return node.value;
  }

  #walk(names: readonly string[]): Node<T> | undefined {
    let node: Node<T> | undefined = this.#root;
    for (const name of names) node = node?.next.get(name);
    return node;
  }
}
