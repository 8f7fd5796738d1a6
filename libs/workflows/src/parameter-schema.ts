import Ajv2020, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import { DomainError, type Json, type JsonObject } from '@task-engine/domain';
import type { Scope } from './expression';
import { FORMATS } from './formats';
import { isObject } from './merge-deep';
import { describeFault } from './parameter-fault';
import { Normaliser, type Schema } from './parameter-normaliser';
import { expressionsOf, isTemplate, renderTemplate } from './template';

/** Parameters that every workflow takes (1.2 of the workflow reference). */
export const SHARED_PROPERTIES: Readonly<Record<string, Schema>> = {
  content_id: { type: 'string', description: "The client's key for the content." },
  rest_endpoints: {
    type: 'array',
    maxItems: 100,
    items: { type: 'string', format: 'http-url' },
    default: [],
    description: 'Where task and job callbacks go; each URL gets each callback.',
  },
  custom_data: { description: 'Echoed unchanged in the job callback.' },
  input_root: {
    type: 'string',
    minLength: 1,
    default: 'input_root',
    description: "Name of a root in the client's storage.",
  },
  output_root: {
    type: 'string',
    minLength: 1,
    default: 'output_root',
    description: "Name of a root in the client's storage.",
  },
};

/**
 * JSON Schema 2020-12 of one workflow's `parameters`, with what the schema language lacks:
 * defaults that are templates, and the keywords
 * - `x-supported`: the values that this release can serve ([] = none); another valid one is refused as not supported,
 * - `x-note`: added to that refusal, in brackets,
 * - `x-stream`: true on the address of a stream, whose kind (Smooth Streaming, DASH) is told by its name,
 * - `x-warning`: logged when the parameter is given.
 */
export class ParameterSchema {
  private readonly validate: ValidateFunction;
  private readonly normaliser: Normaliser;
  /** Templated defaults in order of dependency. */
  private readonly templates: readonly (readonly [string, string])[];

  /** Throws Error when the schema does not compile or its defaults depend on each other in a circle. */
  constructor(
    declared: JsonObject,
    private readonly aliases: Readonly<Record<string, string>> = {},
  ) {
    const properties = { ...SHARED_PROPERTIES, ...(declared.properties as JsonObject | undefined) } as Record<
      string,
      Schema
    >;
    this.document = { type: 'object', ...declared, properties };
    this.templates = orderTemplates(properties);
    const bare = Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, withoutTemplate(schema)]),
    );
    const schema: Schema = { ...this.document, properties: bare };
    const nested = Object.values(bare).flatMap((property) => expressionsOf(property as Json));
    if (nested.length > 0) throw new Error('only the default of a parameter itself may be a template');
    this.validate = compile(schema);
    this.normaliser = new Normaliser(schema);
    for (const [alias, name] of Object.entries(aliases)) {
      if (!Object.hasOwn(properties, name)) throw new Error(`alias '${alias}' names no parameter`);
    }
  }

  /** As written, with the shared parameters; templated defaults included. */
  readonly document: Schema;

  /** Declared names. */
  has(name: string): boolean {
    return Object.hasOwn(this.document.properties as JsonObject, name);
  }

  /** Expressions of the templated defaults, for the check at load. */
  templatedDefaults(): string[] {
    return this.templates.map(([, template]) => template);
  }

  /**
   * The completed copy of what was submitted: aliases resolved, strings coerced where the schema says so, defaults filled in.
   * Submitted values are never taken for templates. Throws DomainError invalid_parameter or not_supported with the text for the caller.
   */
  complete(
    submitted: JsonObject,
    scopeOf: (parameters: JsonObject) => Scope,
  ): { parameters: JsonObject; warnings: string[] } {
    const { value, unknown, warnings } = this.normaliser.normalise(this.resolveAliases(submitted));
    this.check(value);
    for (const [name, template] of this.templates) {
      if (!Object.hasOwn(value, name)) value[name] = renderTemplate(template, scopeOf(value));
    }
    this.check(value);
    this.normaliser.refuseUnsupported(value);
    if (unknown.length > 0) warnings.push(unknownLine(unknown));
    return { parameters: value, warnings };
  }

  /** JSON Schema for an API document: templated defaults become part of the description, and old names are shown as deprecated. */
  publish(): JsonObject {
    const document = structuredClone(this.document) as Schema & { properties: Record<string, Schema> };
    for (const [name, template] of this.templates) {
      const { default: _template, ...rest } = document.properties[name] as Schema;
      document.properties[name] = {
        ...rest,
        description: `${rest.description ? `${rest.description as string} ` : ''}Default: ${template}`,
      };
    }
    for (const [alias, name] of Object.entries(this.aliases)) {
      const { default: _default, ...rest } = document.properties[name] as Schema;
      document.properties[alias] ??= { ...rest, deprecated: true, description: `Old name of ${name}.` };
    }
    return document;
  }

  private resolveAliases(submitted: JsonObject): JsonObject {
    const entries = new Map(Object.entries(submitted));
    for (const [alias, name] of Object.entries(this.aliases)) {
      const old = entries.get(alias);
      if (old === undefined || this.has(alias)) continue;
      entries.delete(alias);
      if ((entries.get(name) ?? null) === null) entries.set(name, old);
    }
    return Object.fromEntries(entries);
  }

  private check(value: JsonObject): void {
    if (this.validate(value)) return;
    throw new DomainError('invalid_parameter', describeFault(this.validate.errors as ErrorObject[]));
  }
}

let ajv: Ajv2020 | undefined;

/** One validator for all schemas, made with the first: making it costs far more than compiling a schema with it. The callback dispatcher has none. */
function validator(): Ajv2020 {
  if (ajv) return ajv;
  ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    verbose: true,
    ownProperties: true,
    logger: false,
  });
  for (const [name, format] of Object.entries(FORMATS)) ajv.addFormat(name, format.test);
  ajv.addKeyword({ keyword: 'x-supported', metaSchema: { type: 'array' } });
  ajv.addKeyword({ keyword: 'x-note', metaSchema: { type: 'string' } });
  ajv.addKeyword({ keyword: 'x-stream', metaSchema: { type: 'boolean' } });
  ajv.addKeyword({ keyword: 'x-warning', metaSchema: { type: 'string' } });
  return ajv;
}

function compile(schema: Schema): ValidateFunction {
  const validate = validator().compile(schema);
  // The validator keeps working; without this every reload would add to the instance's cache.
  validator().removeSchema(schema);
  return validate;
}

function withoutTemplate(schema: Schema): Schema {
  if (!isObject(schema) || !isTemplate(schema.default)) return schema;
  const { default: _template, ...rest } = schema;
  return rest;
}

/** Depth first, so that a default stands after the defaults that it reads. */
function orderTemplates(properties: Record<string, Schema>): [string, string][] {
  const templates = new Map<string, string>();
  for (const [name, schema] of Object.entries(properties)) {
    if (isObject(schema) && isTemplate(schema.default)) templates.set(name, schema.default);
  }
  const ordered: [string, string][] = [];
  const done = new Set<string>();
  const visit = (name: string, path: string[]): void => {
    if (path.includes(name)) throw new Error(`defaults depend on each other: ${[...path, name].join(' -> ')}`);
    const template = templates.get(name);
    if (template === undefined || done.has(name)) return;
    for (const expression of expressionsOf(template))
      expression.parameters.forEach((other) => visit(other, [...path, name]));
    done.add(name);
    ordered.push([name, template]);
  };
  for (const name of templates.keys()) visit(name, []);
  return ordered;
}

/** One line however many names, so that a hostile submission cannot flood the job log. */
function unknownLine(names: string[]): string {
  const shown = names.slice(0, 20).map((name) => (name.length > 80 ? `${name.slice(0, 80)}...` : name));
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  return `Unknown parameter${names.length > 1 ? 's' : ''}: ${shown.join(', ')}${more}`;
}
