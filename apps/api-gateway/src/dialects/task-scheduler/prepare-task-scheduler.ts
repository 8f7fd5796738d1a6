import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Log, withLogContext } from '@task-engine/platform';
import { isAddressed } from './addresses/addressed';
import { CallerGuard } from './auth/caller.guard';
import { TaskSchedulerFilter } from './http/task-scheduler.filter';
import { unserved } from './unknown.controller';

/**
 * Methods that the server has no routes for reach no controller, and QUERY, which it has, not without a Content-Type: they are answered
 * here. Who calls is asked and counted as everywhere.
 */
export function prepareTaskScheduler(app: NestFastifyApplication): void {
  const guard = app.get(CallerGuard);
  const filter = new TaskSchedulerFilter(app.get(Log));
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    if (!isAddressed(request.raw) || !(request.is404 || request.method === 'QUERY')) return done();
    void withLogContext({ requestId: request.id }, async () => {
      const error: unknown = await guard.admit(request, reply, false).then(
        () => unserved(request),
        (refused: unknown) => refused,
      );
      filter.answer(error, request, reply);
    });
  });
}
