/** A time as this API gives it. */
export function unixSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}
