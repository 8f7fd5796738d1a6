import type { Json, JsonObject } from '@task-engine/domain';

/** Maps merge key by key, anything else of `over` replaces what `base` has (3.7 of the workflow reference). Inputs stay as they are. */
export function mergeDeep(base: JsonObject, over: JsonObject): JsonObject {
  const merged = new Map<string, Json>(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const present = merged.get(key);
    merged.set(key, isObject(present) && isObject(value) ? mergeDeep(present, value) : value);
  }
  return Object.fromEntries(merged);
}

export function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
