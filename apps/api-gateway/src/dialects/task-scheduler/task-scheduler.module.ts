import { Module } from '@nestjs/common';
import { BearerTokens } from './auth/bearer-tokens';
import { CallerGuard } from './auth/caller.guard';
import { SystemController } from './system/system.controller';
import { TaskRunsController } from './tasks/task-runs.controller';
import { TasksController } from './tasks/tasks.controller';
import { UnknownController } from './unknown.controller';
import { WebhooksController } from './webhooks/webhooks.controller';
import { WorkersController } from './workers/workers.controller';

/** The Task Scheduler's API (DTS). Expects the engine's verbs as global providers, and `prepareTaskScheduler` in front of it. */
@Module({
  controllers: [
    SystemController,
    TaskRunsController,
    TasksController,
    WebhooksController,
    WorkersController,
    UnknownController,
  ],
  providers: [BearerTokens, CallerGuard],
})
export class TaskSchedulerModule {}
