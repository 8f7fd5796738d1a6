import { Module } from '@nestjs/common';
import { JobRequestsController } from './job-requests.controller';
import { JobsController } from './jobs.controller';
import { SettingsController } from './settings.controller';
import { StatusController } from './status.controller';

/** Task Engine's API, both editions. Expects the engine's verbs as global providers. */
@Module({ controllers: [StatusController, JobRequestsController, JobsController, SettingsController] })
export class TaskEngineModule {}
