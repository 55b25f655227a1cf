/** Calls of one tick as one request: the first of a tick waits for the others. */
export function gather<Item, Answer>(send: (items: readonly Item[]) => Promise<readonly Answer[]>): (item: Item) => Promise<Answer> {
  let items: Item[] = [];
  let waiting: ((answer: Answer | Promise<never>) => void)[] = [];
  const flush = async (): Promise<void> => {
    const [sent, settle] = [items, waiting];
    items = [];
    waiting = [];
    try {
      const answers = await send(sent);
      for (let i = 0; i < settle.length; i++) settle[i]!(answers[i]!);
    } catch (error) {
      for (const one of settle) one(Promise.reject(error as Error));
    }
  };
  return (item) =>
    new Promise<Answer>((resolve) => {
      items.push(item);
      if (waiting.push(resolve) === 1) process.nextTick(() => void flush());
    });
}
