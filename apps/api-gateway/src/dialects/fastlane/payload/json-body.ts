import type { FastifyRequest } from 'fastify';
import { receivedBody } from '../../../http/received-body';
import { MalformedJson } from '../../../http/json-text';
import { TextRefused } from '../errors';

/**
 * The JSON in the body, whatever Content-Type it came under.
 * @param unreadable the refusal of a body that is missing, no JSON, null or an empty text
 * @throws TextRefused, PayloadTooLargeException, DomainError invalid_parameter
 */
export function jsonBody(request: FastifyRequest, unreadable: string): unknown {
  let value: unknown;
  try {
    value = receivedBody(request)?.json({ anyType: true });
  } catch (error) {
    throw error instanceof MalformedJson ? new TextRefused(unreadable) : error;
  }
  if (value === undefined || value === null || value === '') throw new TextRefused(unreadable);
  return value;
}
