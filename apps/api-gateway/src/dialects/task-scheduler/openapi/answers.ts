import type { OpenAPIObject } from '@nestjs/swagger';
import { type Details, Refusal, type RefusalCode } from '../http/refusal';

export type Paths = OpenAPIObject['paths'];
export type Operation = NonNullable<Paths[string]['get']>;
export type Responses = Operation['responses'];
type Answer = Responses[string];
type Headers = Record<string, { description: string; schema: { type: string } }>;

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });

const integer = { type: 'integer' };

/** On every answer to a request whose caller is known. */
const limits = {
  'X-RateLimit-Limit': { description: 'Requests in a minute.', schema: integer },
  'X-RateLimit-Remaining': { description: 'How many of them are left.', schema: integer },
  'X-RateLimit-Reset': { description: 'When all are there again, in seconds since 1970.', schema: integer },
};

const retryAfter = { 'Retry-After': { description: 'Seconds after which to come again.', schema: integer } };

/** What goes out with a refusal, beside the limits of those who are known. */
const headersOf: Partial<Record<RefusalCode, Headers>> = {
  unauthorized: { 'WWW-Authenticate': { description: 'How to say who calls.', schema: { type: 'string' } } },
  rate_limit_exceeded: { ...limits, ...retryAfter },
  unavailable: retryAfter,
};

const json = (schema: object, example: unknown) => ({ 'application/json': { schema, example } });

function dataAnswer(description: string, schema: object, data: unknown, meta?: { schema: string; example: unknown }) {
  return {
    description,
    headers: limits,
    content: json(
      {
        type: 'object',
        required: meta ? ['data', 'meta'] : ['data'],
        properties: { data: schema, ...(meta && { meta: ref(meta.schema) }) },
      },
      meta ? { data, meta: meta.example } : { data },
    ),
  } as Answer;
}

export const one = (description: string, schema: string, data: unknown) => dataAnswer(description, ref(schema), data);

export const some = (
  description: string,
  schema: string,
  data: unknown[],
  meta: { schema: string; example: unknown },
) => dataAnswer(description, { type: 'array', items: ref(schema) }, data, meta);

export const withMeta = (
  description: string,
  schema: string,
  data: unknown,
  meta: { schema: string; example: unknown },
) => dataAnswer(description, ref(schema), data, meta);

export function refused(description: string, code: RefusalCode, message: string, details?: Details): Answer {
  return {
    description,
    headers: headersOf[code] ?? limits,
    content: json(ref('Error'), new Refusal(code, message, details).envelope),
  };
}

export const body = (schema: string, example: object) => ({ required: true, content: json(ref(schema), example) });

export const inPath = (name: 'id' | 'delivery', what: string) => ({
  name,
  in: 'path' as const,
  required: true,
  description: `Id of the ${what}.`,
  schema: { type: 'string' },
});

export const inQuery = (name: string, description: string, schema: object) => ({
  name,
  in: 'query' as const,
  required: false,
  description,
  schema,
});

const page = inQuery('page', 'From 1.', { type: 'integer', minimum: 1, default: 1 });
const limit = inQuery('limit', 'Rows on a page; more than 100 are 100.', { type: 'integer', minimum: 1, default: 20 });
export const paging = [page, limit];

export const notFound = (what: string) =>
  refused(`There is no such ${what.toLowerCase()}.`, 'not_found', `${what} not found`);

export const badQuery = refused('A parameter is wrong.', 'invalid_query', 'page must be a whole number from 1', {
  page: 'must be a whole number from 1',
});

/** What every request with a body may be answered. */
export const bodyRefusals: Responses = {
  400: refused('The body is no JSON.', 'malformed_json', 'Malformed JSON in the request body at position 1'),
  413: refused(
    'The body is larger than BODY_LIMIT_BYTES.',
    'payload_too_large',
    'The request body is larger than 1048576 bytes',
  ),
};

export const invalid = (field: string, fault: string, description = 'Fields are wrong. Nothing was written.') =>
  refused(description, 'validation_error', `${field} ${fault}`, { [field]: fault });

export const wrongState = (description: string, message: string, status: string) =>
  refused(description, 'conflict', message, { status });

/** What every route may answer. */
const common: Responses = {
  401: refused('Nobody is named, or a key or token is wrong.', 'unauthorized', 'The API key is not valid'),
  403: refused('The token does not allow it.', 'forbidden', 'The role of the bearer token allows to read only'),
  406: refused(
    'A version is asked for that there is none of.',
    'not_acceptable',
    'This version of the API is not known; 1.0 is',
    { versions: ['1.0'] },
  ),
  429: refused(
    'The limit is used up; Retry-After says for how long.',
    'rate_limit_exceeded',
    'Too many requests: wait until the present minute is over',
  ),
  500: refused('A fault of the engine.', 'internal_error', 'Internal error'),
  503: refused(
    'PostgreSQL is not available at present; Retry-After says when to come again.',
    'unavailable',
    'The database is not available at present',
  ),
};

/** For clients with a key or a token. */
export function operation(fields: Omit<Operation, 'responses'> & { responses: Responses }): Operation {
  return {
    security: [{ apiKey: [] }, { bearer: [] }],
    ...fields,
    responses: { ...fields.responses, ...common },
  };
}
