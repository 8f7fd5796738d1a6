import type { OpenAPIObject } from '@nestjs/swagger';

export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
export type Responses = Operation['responses'];

const HTML = 'text/html; charset=utf-8';
const text = { type: 'string' };

export const json = (schema: string, example: unknown) => ({
  'application/json': { schema: { $ref: `#/components/schemas/${schema}` }, example },
});

export const jsonAnswer = (description: string, schema: string, example: unknown) => ({
  description,
  content: json(schema, example),
});

/** Text, sent as HTML. */
export const textAnswer = (description: string, example: string) => ({
  description,
  content: { [HTML]: { schema: text, example } },
});

/** A page in words of no interest to programs. */
export const pageAnswer = (description: string) => textAnswer(description, '<!doctype html>...');

/** `{ error, operation }`. */
export const errorAnswer = (description: string, error: string, operation: string) =>
  jsonAnswer(description, 'Error', { error, operation });

/** What every route may answer. */
const common: Responses = {
  401: { description: 'Name and password are missing or wrong; the body is empty.' },
  500: pageAnswer('A fault of the engine.'),
  503: pageAnswer('PostgreSQL is not available at present.'),
};

/** Open unless the server is configured with a name and a password. */
export function operation(fields: Omit<Operation, 'responses' | 'security'> & { responses: Responses }): Operation {
  return {
    ...fields,
    security: [{}, { basic: [] }],
    responses: { ...fields.responses, ...withoutTaken(fields.responses) },
  };
}

function withoutTaken(responses: Responses): Responses {
  return Object.fromEntries(Object.entries(common).filter(([status]) => !(status in responses)));
}

export const inPath = (name: 'task' | 'job' | 'execution', description: string) => ({
  name,
  in: 'path' as const,
  required: true,
  description,
  schema: name === 'task' ? { type: 'string', maxLength: 500 } : { type: 'string', format: 'uuid' },
});

export const inQuery = (name: string, description: string, schema: object, required = false) => ({
  name,
  in: 'query' as const,
  required,
  description,
  schema,
});
