import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { readFields } from '@task-engine/dto';
import type { FastifyRequest } from 'fastify';
import { receivedBody } from '../../../http/received-body';
import { invalidFields, Refusal } from './refusal';

/** The body as a JSON object, whatever Content-Type it came under. */
export const JsonBody = createParamDecorator((_: unknown, context: ExecutionContext): Record<string, unknown> => {
  const body = receivedBody(context.switchToHttp().getRequest<FastifyRequest>())?.json({ anyType: true });
  if (body === undefined) throw new Refusal('malformed_json', 'The request has no body, which must be a JSON object');
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new Refusal('validation_error', 'The request body must be a JSON object');
  return body as Record<string, unknown>;
});

/** @throws Refusal with all fields that are wrong */
export function fieldsOf<Dto extends object>(Dto: new () => Dto, body: Record<string, unknown>): Dto {
  const read = readFields(Dto, body);
  if ('faults' in read) throw invalidFields(read.faults);
  return read.fields;
}
