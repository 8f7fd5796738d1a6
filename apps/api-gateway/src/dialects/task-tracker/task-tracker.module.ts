import { Module } from '@nestjs/common';
import { GitHookController } from './git/git-hook.controller';
import { LogsController } from './logs/logs.controller';
import { AccountsController } from './managers/accounts.controller';
import { ManagersController } from './managers/managers.controller';
import { Sessions } from './managers/sessions';
import { AccessController } from './projects/access.controller';
import { ProjectsController } from './projects/projects.controller';
import { SecretsController } from './projects/secrets.controller';
import { AssignmentsController } from './tasks/assignments.controller';
import { MonitoringController } from './tasks/monitoring.controller';
import { ResetsController } from './tasks/resets.controller';
import { SubmissionsController } from './tasks/submissions.controller';
import { WorkerCallers } from './workers/worker-callers';
import { WorkersController } from './workers/workers.controller';

/** task_tracker's API. Expects the engine's verbs as global providers, and `prepareTaskTracker` in front of it. */
@Module({
  controllers: [
    AccessController,
    AccountsController,
    AssignmentsController,
    GitHookController,
    LogsController,
    ManagersController,
    MonitoringController,
    ProjectsController,
    ResetsController,
    SecretsController,
    SubmissionsController,
    WorkersController,
  ],
  providers: [Sessions, WorkerCallers],
})
export class TaskTrackerModule {}
