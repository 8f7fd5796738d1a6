import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { isJobId, requireObject } from '@task-engine/dto';
import type { FastifyRequest } from 'fastify';
import { checkText } from '../../http/json-text';
import { receivedBody } from '../../http/received-body';

/** The body as a JSON object; `anyType` for routes whose documents name no Content-Type. */
export const JsonBody = createParamDecorator(
  (options: { anyType?: boolean } | undefined, context: ExecutionContext) => {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return requireObject(receivedBody(request)?.json({ anyType: options?.anyType }));
  },
);

/** The `:id` of the path. */
export const JobId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const { id } = context.switchToHttp().getRequest<FastifyRequest>().params as { id: string };
  if (!isJobId(id)) throw new DomainError('invalid_parameter', 'Invalid parameter: id must be a job id');
  return id;
});

/** The query with each parameter given once; empty ones count as not given, as forms send them. */
export const Query = createParamDecorator((_: unknown, context: ExecutionContext): Record<string, string> =>
  singleValues(context.switchToHttp().getRequest<FastifyRequest>().query as Record<string, unknown>),
);

/** @throws DomainError invalid_parameter for a repeated parameter and for text that cannot be stored */
export function singleValues(query: Record<string, unknown>): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string')
      throw new DomainError('invalid_parameter', `Invalid parameter: ${name} must be given once`);
    checkText(value, `The parameter ${name}`);
    if (value !== '' && name !== '__proto__') values[name] = value;
  }
  return values;
}
