import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { Database } from '@task-engine/database';
import { Notifier } from '@task-engine/messaging';
import { HintSender } from '../hints';
import { CancelRuns } from './cancel-runs';
import { holdCommand, untilHeld } from './hold-command';
import { RunJobs } from './run-jobs';

const RETRIED = 'The job was retried before this execution was done.';

/** Runs a command again, with image and command of its last run; one that is still open ends. */
@Injectable()
export class RetryCommand {
  constructor(
    private readonly database: Database,
    private readonly cancelRuns: CancelRuns,
    private readonly runJobs: RunJobs,
    private readonly hints: HintSender,
    private readonly notifier: Notifier,
  ) {}

  /** @throws DomainError not_found; illegal_transition: no run yet, or one that waits for its time */
  async run(group: string, uuid: string): Promise<{ runUuid: string }> {
    const known = await this.database.stores.commands.find(group, uuid);
    if (!known) throw new DomainError('not_found', 'Job not found in task.');
    await this.runJobs.ready();
    const { hints, stopping, run } = await untilHeld(() =>
      this.database.transaction(async (stores) => {
        const { command, open } = await holdCommand(stores, known.id);
        const [last] = await stores.runs.ofCommand(command.id, 0, 1);
        if (!last) throw new DomainError('illegal_transition', 'No execution yet to retry.');
        const waits = await stores.jobs.findAll(open.map(({ jobId }) => jobId));
        if (command.nextAt !== null || waits.some(({ state }) => state === 'scheduled'))
          throw new DomainError('illegal_transition', "Can't retry a scheduled job.");
        const cancelled = await this.cancelRuns.within(stores, open, command.laneId, RETRIED);
        await stores.commands.requeued(command.id, randomUUID());
        const [run] = await this.runJobs.insert(stores, [
          {
            commandId: command.id,
            clientId: command.clientId,
            laneId: command.laneId,
            image: last.image,
            command: last.command,
            cause: 'retry',
            dueAt: null,
            requestedFrom: null,
          },
        ]);
        return { ...cancelled, run: run! };
      }),
    );
    for (const jobId of stopping) this.notifier.emit('run.stop', { jobId });
    await this.hints.send({ ...hints, queued: [run.laneId] });
    return { runUuid: run.uuid };
  }
}
