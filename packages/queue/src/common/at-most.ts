/** Waits for something that may never come: until it has ended, well or badly, and for `ms` milliseconds at most. */
export async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work.catch(() => undefined), patience]);
  clearTimeout(timer);
}
