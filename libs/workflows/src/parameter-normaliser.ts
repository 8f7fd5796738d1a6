import { DomainError, type Json, type JsonObject } from '@task-engine/domain';
import { isObject } from './merge-deep';

/** A JSON Schema object. */
export type Schema = JsonObject;

const DECIMAL = /^-?\d{1,30}(?:\.\d{1,30})?$/;

/** Path of an entry as the API's error texts write it: `clips[1].source`. */
export function joinPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** Walks submitted values along a schema: before validation to bring them into shape, after it to refuse what is not built. */
export class Normaliser {
  constructor(private readonly root: Schema) {}

  /**
   * A copy with `null` and, where a value is required, `""` counted as absent, `"true"`, `"false"` and decimal strings turned into
   * booleans and numbers where the schema asks for these, and literal defaults filled in. `unknown` holds the paths of undeclared fields.
   */
  normalise(value: JsonObject): { value: JsonObject; unknown: string[]; warnings: string[] } {
    const found = { unknown: [] as string[], warnings: [] as string[] };
    return { value: this.object(this.root, value, '', found), ...found };
  }

  /** Throws DomainError not_supported for a valid value that this release cannot serve. */
  refuseUnsupported(value: Json, schema: Schema = this.root, path = ''): void {
    const resolved = this.resolve(schema);
    const supported = resolved['x-supported'];
    if (Array.isArray(supported) && !supported.includes(value)) {
      const shown = typeof value === 'string' && supported.length > 0 ? ` '${value}'` : '';
      const note = typeof resolved['x-note'] === 'string' ? ` (${resolved['x-note']})` : '';
      throw new DomainError('not_supported', `Not supported: ${path}${shown}${note}`);
    }
    if (resolved['x-stream'] === true && typeof value === 'string') refuseStreamKind(value);
    if (Array.isArray(value) && isObject(resolved.items)) {
      value.forEach((entry, index) => this.refuseUnsupported(entry, resolved.items as Schema, joinPath(path, index)));
    }
    if (isObject(value)) {
      for (const [name, property] of propertiesOf(resolved)) {
        if (Object.hasOwn(value, name)) this.refuseUnsupported(value[name] as Json, property, joinPath(path, name));
      }
    }
  }

  private object(
    schema: Schema,
    value: JsonObject,
    path: string,
    found: { unknown: string[]; warnings: string[] },
  ): JsonObject {
    const properties = new Map(propertiesOf(schema));
    const required = requiredNames(schema);
    const entries: [string, Json][] = [];
    for (const [name, entry] of Object.entries(value)) {
      const property = properties.get(name);
      const at = joinPath(path, name);
      if (!property) {
        if (properties.size > 0) found.unknown.push(at);
        entries.push([name, structuredClone(entry)]);
        continue;
      }
      const untyped = !this.isTyped(property);
      if ((entry === null && !untyped) || (entry === '' && required.has(name))) continue;
      const warning = this.resolve(property)['x-warning'];
      if (typeof warning === 'string') found.warnings.push(`${at}: ${warning}`);
      entries.push([name, this.value(property, entry, at, found)]);
    }
    const completed: JsonObject = Object.fromEntries(entries);
    for (const [name, property] of properties) {
      const fallback = property.default ?? this.resolve(property).default;
      if (!Object.hasOwn(completed, name) && fallback !== undefined) completed[name] = structuredClone(fallback);
    }
    return completed;
  }

  private value(declared: Schema, value: Json, path: string, found: { unknown: string[]; warnings: string[] }): Json {
    const schema = this.resolve(declared);
    if (isObject(value)) return this.object(schema, value, path, found);
    if (Array.isArray(value)) {
      const { items } = schema;
      return isObject(items)
        ? value.map((entry, index) => this.value(items, entry, joinPath(path, index), found))
        : structuredClone(value);
    }
    if (typeof value !== 'string') return value;
    if (schema.type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
    if (schema.type === 'number' || schema.type === 'integer') return DECIMAL.test(value) ? Number(value) : value;
    return value;
  }

  /** A property without type, list of values or reference takes any JSON, null included. */
  private isTyped(property: Schema): boolean {
    const schema = this.resolve(property);
    return schema.type !== undefined || schema.enum !== undefined;
  }

  /** Follows `$ref: "#/$defs/<name>"`, the only kind that definitions use; keys beside the reference stay. */
  private resolve(schema: Schema): Schema {
    const match = typeof schema.$ref === 'string' ? /^#\/\$defs\/([^/]+)$/.exec(schema.$ref) : null;
    const definitions = this.root.$defs;
    const target = match && isObject(definitions) ? definitions[match[1] as string] : undefined;
    return isObject(target) ? { ...target, ...schema } : schema;
  }
}

function propertiesOf(schema: Schema): [string, Schema][] {
  return isObject(schema.properties)
    ? (Object.entries(schema.properties).filter(([, property]) => isObject(property)) as [string, Schema][])
    : [];
}

/** Names under `required`, alternatives of a `oneOf` included. */
function requiredNames(schema: Schema): Set<string> {
  const alternatives = Array.isArray(schema.oneOf) ? schema.oneOf : [];
  const lists = [schema, ...alternatives].map((entry) =>
    isObject(entry) && Array.isArray(entry.required) ? entry.required : [],
  );
  return new Set(lists.flat() as string[]);
}

function refuseStreamKind(address: string): void {
  const path = address.replace(/[?#].*$/s, '').replace(/\/+$/, '');
  if (/\.isml?\/manifest$/i.test(path) || /\.isml?$/i.test(path)) {
    throw new DomainError(
      'not_supported',
      `Not supported: Smooth Streaming source ${address}; use the .m3u8 or .mpd URL of the stream`,
    );
  }
  if (/\.mpd$/i.test(path)) {
    throw new DomainError('not_supported', `Not supported: DASH source ${address}; use the .m3u8 URL of the stream`);
  }
}
