import { isSecretKey, maskText } from '@task-engine/platform';

/** Tells nothing of what it stands for, its length included. */
const HIDDEN = '***';

/** Variables whose names hold one of the words, in whatever case, are shown as `***`; so are those inside of objects. */
export function redactVariables(variables: Record<string, unknown>, words: readonly string[]): Record<string, unknown> {
  const lower = words.map((word) => word.toLowerCase());
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => {
      if (lower.some((word) => name.toLowerCase().includes(word))) return [name, HIDDEN];
      return [name, isRecord(value) ? redactVariables(value, words) : value];
    }),
  );
}

/** Headers of webhooks with the credentials among them hidden. */
export function redactHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecretKey(name) ? HIDDEN : maskText(value)]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
