import { Module } from '@nestjs/common';
import { BlacklistController } from './blacklist.controller';
import { EnqueueController } from './enqueue.controller';
import { ExecutionsController } from './executions.controller';
import { JobsController } from './jobs.controller';
import { LiveLogs } from './live/live-logs';
import { RequestLinks } from './request-links';
import { StatusController } from './status.controller';
import { TasksController } from './tasks.controller';
import { TextsController } from './texts.controller';

/** fastlane's API. Expects the engine's verbs as global providers, and `prepareFastlane` in front of it. */
@Module({
  controllers: [
    StatusController,
    TasksController,
    EnqueueController,
    JobsController,
    ExecutionsController,
    TextsController,
    BlacklistController,
  ],
  providers: [LiveLogs, RequestLinks],
})
export class FastlaneModule {}
