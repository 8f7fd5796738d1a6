/** Whether it resolves within so many milliseconds; rejects when it does. */
export async function within(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([promise.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `count` of them have resolved, or so many milliseconds have passed. */
export async function settled(promises: Promise<unknown>[], count: number, milliseconds: number): Promise<void> {
  let left = count;
  if (left <= 0) return;
  const enough = new Promise<void>((resolve) => {
    for (const promise of promises)
      void promise.then(() => {
        left -= 1;
        if (left === 0) resolve();
      });
  });
  await within(enough, milliseconds);
}
