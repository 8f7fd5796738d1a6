import type { OpenAPIObject } from '@nestjs/swagger';

export type Paths = OpenAPIObject['paths'];
export type Operation = NonNullable<Paths[string]['get']>;
export type Responses = Operation['responses'];

/** Who may call: nobody needs to say who he is, a worker has to, a manager who is logged in has to, or whoever may see more if he does. */
export const SECURITY = {
  anybody: [{}],
  worker: [{ workerId: [], workerSecret: [] }],
  manager: [{ session: [] }],
  guestOrManager: [{}, { session: [] }],
  workerOrManager: [{ workerId: [], workerSecret: [] }, { session: [] }],
} as const satisfies Record<string, Record<string, string[]>[]>;

const schemaRef = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const TEXT = 'text/plain; charset=utf-8';

const json = (schema: object, example: unknown) => ({ 'application/json': { schema, example } });

/** Accepted, with this content. */
export const content = (description: string, properties: Record<string, object>, example: object) => ({
  description,
  content: json(
    {
      type: 'object',
      required: ['ok', 'content'],
      properties: {
        ok: { const: true },
        message: { type: 'string' },
        content: { type: 'object', required: Object.keys(properties), properties },
      },
    },
    { ok: true, content: example },
  ),
});

/** Accepted, and nothing to tell. */
export const done = (description = 'Done.') => ({ description, content: json(schemaRef('Accepted'), { ok: true }) });

export const refusal = (description: string, message: string, more: object = {}) => ({
  description,
  content: json(schemaRef('Refused'), { ok: false, message, ...more }),
});

/** HTTP 200 for one of two. */
export const either = (
  one: ReturnType<typeof content> | ReturnType<typeof done>,
  schema: object,
  example: unknown,
) => ({
  description: one.description,
  content: {
    'application/json': {
      schema: { anyOf: [one.content['application/json'].schema, schema] },
      examples: { ok: { value: one.content['application/json'].example }, other: { value: example } },
    },
  },
});

export const empty = (description: string) => ({ description });

export const textAnswer = (description: string, example: string) => ({
  description,
  content: { [TEXT]: { schema: { type: 'string' }, example } },
});

export const notFound = (what: string) => refusal(`There is no such ${what.toLowerCase()}.`, `${what} not found`);
export const unauthorized = (description: string) => refusal(description, 'Unauthorized');
export const rateLimited = refusal("The project's rate allows it later.", 'Too many requests', {
  rate_limit_delay: 0.4928,
});
export const wrongWorker = (description = 'The headers of the worker are missing or wrong.') =>
  refusal(description, 'invalid secret');
export const badRequest = (description: string, message = 'Could not parse request') => refusal(description, message);

/** A body that is read as JSON whatever its Content-Type. */
export const body = (schema: string, example: object) => ({
  required: true,
  content: json(schemaRef(schema), example),
});

export const pathId = (name: 'id' | 'wid' | 'project', what: string) => ({
  name,
  in: 'path' as const,
  required: true,
  description: `Id of the ${what}.`,
  schema: { type: 'integer', format: 'int64' },
});

export const inQuery = (name: string, description: string, maximum: number) => ({
  name,
  in: 'query' as const,
  required: true,
  description,
  schema: { type: 'integer', minimum: 1, maximum },
});

/** What every route may answer. */
const common: Responses = {
  500: refusal('A fault of the engine.', 'Internal error'),
  503: refusal('PostgreSQL is not available at present.', 'The database is not available at present'),
};

export function operation(
  fields: Omit<Operation, 'responses' | 'security'> & { security: keyof typeof SECURITY; responses: Responses },
): Operation {
  return {
    ...fields,
    security: SECURITY[fields.security].map((each) => ({ ...each })),
    responses: { ...fields.responses, ...common },
  };
}
