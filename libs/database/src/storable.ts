import type { Json, JsonObject } from '@task-engine/domain';

/**
 * PostgreSQL stores neither NUL nor half of a surrogate pair, in text or in jsonb; what a tool prints or answers may hold both.
 * They become U+FFFD, so that a result is never lost for a character.
 */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed();
}

/** The same for every string and key of a JSON value, as text for a jsonb parameter. */
export function storableJson(value: JsonObject): string {
  const text = JSON.stringify(value);
  return /\\u(0000|d[89a-f])/i.test(text) ? JSON.stringify(repaired(value)) : text;
}

function repaired(value: Json): Json {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(repaired);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key), repaired(inner)]));
}
