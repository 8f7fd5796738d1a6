/** What setTimeout can wait for at most, in milliseconds; for more it does not wait at all. 24.8 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** setTimeout for any number of milliseconds. @returns what ends it */
export function longTimer(work: () => void, milliseconds: number): () => void {
  let timer: NodeJS.Timeout;
  const wait = (left: number) => {
    timer = left > LONGEST_MS ? setTimeout(() => wait(left - LONGEST_MS), LONGEST_MS) : setTimeout(() => work(), left);
  };
  wait(milliseconds);
  return () => clearTimeout(timer);
}
