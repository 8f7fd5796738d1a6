import type { Json, JsonObject } from '@task-engine/domain';
import { isSecretKey, maskSecret, maskText } from '@task-engine/platform';

/** As submitted, but values under secret-looking names and passwords inside URLs are masked: reads may be open to everyone. */
export function shownParameters(parameters: JsonObject): JsonObject {
  return show(parameters) as JsonObject;
}

function show(value: Json): Json {
  if (typeof value === 'string') return maskText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(show);
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, isHidden(name) ? hide(entry) : show(entry)]),
  );
}

/** `key` alone is too common a word in custom data for a secret. */
function isHidden(name: string): boolean {
  return name.toLowerCase() !== 'key' && isSecretKey(name);
}

function hide(value: Json): Json {
  if (typeof value === 'string') return maskSecret(value);
  return value === null || typeof value === 'boolean' ? value : '****';
}
