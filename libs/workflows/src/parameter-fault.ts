import type { ErrorObject } from 'ajv/dist/2020';
import { FORMATS, isFormat } from './formats';
import { isObject } from './merge-deep';
import { joinPath, type Schema } from './parameter-normaliser';

/** The 400 text for the first fault that the validator found (table 1.1 of the workflow reference). */
export function describeFault(errors: readonly ErrorObject[]): string {
  const error = errors.find(({ keyword }) => keyword === 'oneOf') ?? errors[0];
  if (!error) return 'Invalid parameter: parameters must follow the schema of the workflow';
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((joined, part) => joinPath(joined, /^\d+$/.test(part) ? Number(part) : part), '');
  const schema = (error.parentSchema ?? {}) as Schema;
  switch (error.keyword) {
    case 'required':
      return `Missing required parameter: ${joinPath(path, error.params.missingProperty as string)}`;
    case 'oneOf':
      if (!isObject(error.data)) return `Invalid parameter: ${path} must ${expectation(schema)}`;
      return describeAlternatives(path, schema, error.params.passingSchemas !== null);
    case 'minItems':
      return `Invalid parameter: ${path} must ${schema.minItems === 1 ? 'not be empty' : `have at least ${String(schema.minItems)} entries`}`;
    case 'maxItems':
      return `Invalid parameter: ${path} must have at most ${String(schema.maxItems)} entries`;
    case 'maxLength':
      return `Invalid parameter: ${path} must have at most ${String(schema.maxLength)} characters`;
    default:
      return `Invalid parameter: ${path || 'parameters'} must ${expectation(schema)}`;
  }
}

function describeAlternatives(path: string, schema: Schema, tooMany: boolean): string {
  const names = (Array.isArray(schema.oneOf) ? schema.oneOf : []).flatMap((entry) =>
    isObject(entry) && Array.isArray(entry.required) ? (entry.required as string[]) : [],
  );
  const first = names[0];
  if (first === undefined) return `Invalid parameter: ${path} must follow the schema of the workflow`;
  return tooMany
    ? `Invalid parameter: ${path} must have exactly one of ${names.join(', ')}`
    : `Missing required parameter: ${joinPath(path, first)}`;
}

/** What a value of this schema must be, in words. */
function expectation(schema: Schema): string {
  if (isFormat(schema.format)) return FORMATS[schema.format].must;
  if (Array.isArray(schema.enum))
    return schema.enum.length === 1 ? `be ${String(schema.enum[0])}` : `be one of ${schema.enum.join(', ')}`;
  switch (schema.type) {
    case 'boolean':
      return 'be true or false';
    case 'integer':
      return `be an integer${range(schema)}`;
    case 'number':
      return `be a number${range(schema)}`;
    case 'array':
      return 'be a list';
    case 'object':
      return 'be an object';
    case 'string':
      return typeof schema.pattern === 'string'
        ? `match ${schema.pattern}`
        : schema.minLength === 1
          ? 'be a string that is not empty'
          : 'be a string';
    default:
      return 'follow the schema of the workflow';
  }
}

function range({ minimum, maximum, exclusiveMinimum }: Schema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${String(minimum)} to ${String(maximum)}`;
  if (exclusiveMinimum !== undefined)
    return ` above ${String(exclusiveMinimum)}${maximum === undefined ? '' : `, at most ${String(maximum)}`}`;
  if (minimum !== undefined) return ` of at least ${String(minimum)}`;
  return maximum === undefined ? '' : ` of at most ${String(maximum)}`;
}
