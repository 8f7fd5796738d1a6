/** UTC without a time zone: six digits of fraction, of which the last three are zeros, and none at a whole second (reference/fastlane.md 1.0). */
export function naiveUtc(date: Date): string {
  const text = date.toISOString();
  return text.endsWith('.000Z') ? text.slice(0, 19) : `${text.slice(0, -1)}000`;
}
