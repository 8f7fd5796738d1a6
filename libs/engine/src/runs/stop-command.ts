import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';
import { Database } from '@task-engine/database';
import { Notifier } from '@task-engine/messaging';
import { HintSender } from '../hints';
import { CancelRuns } from './cancel-runs';
import { holdCommand, untilHeld } from './hold-command';

const STOPPED = 'User stopped job execution manually.';

/** Stops a command for good: its open runs, its cron rule, its retries. One that is stopped already stays as it is. */
@Injectable()
export class StopCommand {
  constructor(
    private readonly database: Database,
    private readonly cancelRuns: CancelRuns,
    private readonly hints: HintSender,
    private readonly notifier: Notifier,
  ) {}

  /** @throws DomainError not_found */
  async run(group: string, uuid: string): Promise<void> {
    await this.stop(group, uuid, undefined);
  }

  /**
   * Stops one run of the command and its retries; a cron rule goes on.
   * @throws DomainError not_found: the command, or the run
   */
  async one(group: string, uuid: string, runUuid: string): Promise<void> {
    await this.stop(group, uuid, runUuid);
  }

  private async stop(group: string, uuid: string, runUuid: string | undefined): Promise<void> {
    const known = await this.database.stores.commands.find(group, uuid);
    if (!known) throw new DomainError('not_found', 'Job not found in task.');
    if (runUuid !== undefined && !(await this.database.stores.runs.find(known.id, runUuid)))
      throw new DomainError('not_found', 'Job Execution not found in Job.');
    const { hints, stopping } = await untilHeld(() =>
      this.database.transaction(async (stores) => {
        const { command, open } = await holdCommand(stores, known.id);
        if (runUuid === undefined) await stores.commands.stop(command.id);
        else await stores.commands.stopRetries(command.id);
        const meant = runUuid === undefined ? open : open.filter((run) => run.uuid === runUuid);
        return this.cancelRuns.within(stores, meant, command.laneId, STOPPED);
      }),
    );
    for (const jobId of stopping) this.notifier.emit('run.stop', { jobId });
    await this.hints.send(hints);
  }
}

/** Stops one run. */
@Injectable()
export class StopRun {
  constructor(private readonly stopCommand: StopCommand) {}

  /** @throws DomainError not_found */
  run(group: string, uuid: string, runUuid: string): Promise<void> {
    return this.stopCommand.one(group, uuid, runUuid);
  }
}
