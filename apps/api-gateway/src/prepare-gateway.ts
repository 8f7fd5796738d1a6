import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type GatewayConfiguration, Log, suiteVersion, withLogContext } from '@task-engine/platform';
import { Definitions } from '@task-engine/workflows';
import { fastlaneDocument } from './dialects/fastlane/openapi/document';
import { prepareFastlane } from './dialects/fastlane/prepare-fastlane';
import { taskEngineDocument } from './dialects/task-engine/openapi/document';
import { taskSchedulerDocument } from './dialects/task-scheduler/openapi/document';
import { prepareTaskScheduler } from './dialects/task-scheduler/prepare-task-scheduler';
import { BODY_LIMIT_BYTES as TASK_TRACKER_BODY_LIMIT_BYTES } from './dialects/task-tracker/http/request';
import { taskTrackerDocument } from './dialects/task-tracker/openapi/document';
import { prepareTaskTracker } from './dialects/task-tracker/prepare-task-tracker';
import { FallbackFilter } from './http/fallback.filter';
import { receiveBodies } from './http/received-body';
import { serveApiDocuments } from './ops/api-documents';

/** What stands before and behind the dialects: bodies, unknown addresses, documentation. */
export function prepareGateway(app: NestFastifyApplication, configuration: GatewayConfiguration): void {
  // after the body is read: its events would leave the context again
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preValidation', (request, _reply, done) => withLogContext({ requestId: request.id }, done));
  receiveBodies(
    app,
    configuration.BODY_LIMIT_BYTES,
    Math.max(configuration.BODY_LIMIT_BYTES, configuration.BULK_BODY_LIMIT_BYTES, TASK_TRACKER_BODY_LIMIT_BYTES),
  );
  prepareFastlane(app, configuration);
  prepareTaskScheduler(app);
  prepareTaskTracker(app, configuration);
  app.useGlobalFilters(new FallbackFilter(app.get(Log)));
  const version = suiteVersion();
  serveApiDocuments(app, {
    'task-engine': taskEngineDocument(version, app.get(Definitions)),
    fastlane: fastlaneDocument(version),
    'task-scheduler': taskSchedulerDocument(version),
    'task-tracker': taskTrackerDocument(version, configuration.TASK_TRACKER_COOKIE_NAME),
  });
}
