import { createParamDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import type { CallingClient } from '@task-engine/database';
import type { FastifyRequest } from 'fastify';

/** Who calls: a client, or the command of a running task. */
export type Caller = { client: CallingClient } | { token: string };

const callers = new WeakMap<FastifyRequest, Caller>();

export function rememberCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request, caller);
}

/** Whoever the guard found behind the request. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callers.get(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** The client behind the request. */
export const CurrentClient = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const caller = callers.get(context.switchToHttp().getRequest<FastifyRequest>());
  if (!caller || !('client' in caller)) throw new Error('no client behind a request that needs one');
  return caller.client;
});

export const TASK_TOKENS = 'task tokens';

/** The one route that the command of a running task may call. */
export const ForRunningTasks = () => SetMetadata(TASK_TOKENS, true);
