import { Injectable, type OnModuleInit } from '@nestjs/common';
import { readJobUuid } from '@task-engine/dto';
import { ReadCommands, type RunView } from '@task-engine/engine';
import { NotificationServer } from '@task-engine/messaging';
import { Log } from '@task-engine/platform';
import type { Target } from '../addresses/routes';
import { presentExitCode, presentOutputs } from '../presenters/execution.presenter';
import { isFinal, SEPARATOR } from '../vocabulary';
import type { Follower } from './follower';
import { RunTail } from './run-tail';

/** Notifications may be lost: whatever is followed is looked at this often too. */
const POLL_MS = 500;

/** Sends the logs of executions to those who follow them. */
@Injectable()
export class LiveLogs implements OnModuleInit {
  /** By job of the engine. */
  private readonly tails = new Map<string, RunTail>();
  private poll: NodeJS.Timeout | undefined;
  /** Looks that are under way: those who come for the same at the same time share one. */
  private readonly looks = new Map<string, Promise<unknown>>();

  constructor(
    private readonly readCommands: ReadCommands,
    private readonly notifications: NotificationServer,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.notifications.handle('run.output', ({ jobId }) => this.tails.get(jobId)?.wake());
  }

  /** Serves a follower until its socket closes. Never throws. */
  async serve(follower: Follower, target: Target): Promise<void> {
    try {
      await this.follow(follower, target);
    } catch (err) {
      // who has gone does not miss anything
      if (!follower.isOpen) return;
      this.log.warn({ err }, 'a live log cannot be read');
      follower.end(1011, 'wsretry');
    }
  }

  private async follow(follower: Follower, { task, job, execution }: Target): Promise<void> {
    const uuid = readJobUuid(job!);
    const command = uuid && (await this.look(['command', task!, uuid], () => this.readCommands.command(task!, uuid)));
    if (!command) return follower.end(1000, '');
    const executionUuid = execution === undefined ? undefined : readJobUuid(execution);
    const known = execution === undefined || executionUuid !== undefined;
    const run =
      known &&
      (await this.look(['run', task!, command.uuid, executionUuid], () =>
        this.readCommands.findRun(task!, command.uuid, executionUuid),
      ));
    if (!run) return follower.end(1000, 'wsretry');
    if (isFinal(run.state) || (run.stopRequested && run.state !== 'running'))
      return this.tell(follower, await this.look(['whole', run.jobId], () => this.readCommands.whole(run)));
    if (run.state !== 'running') return follower.end(1010, 'wsretry');
    await this.tail(run.jobId).join(follower);
  }

  /** One that is over, whatever became of it: there is nothing to wait for. */
  private async tell(follower: Follower, run: RunView | undefined): Promise<void> {
    if (!run) return follower.end(1000, 'wsretry');
    const { log, error } = presentOutputs(run);
    for (const text of [`EXIT CODE: ${presentExitCode(run)}\n`, log, SEPARATOR, error])
      if (!(await follower.take(text))) return;
    follower.end(1010, 'wsdone');
  }

  /** @param name what is looked at */
  private look<View>(name: (string | undefined)[], read: () => Promise<View>): Promise<View> {
    const key = JSON.stringify(name);
    const look = (this.looks.get(key) as Promise<View> | undefined) ?? read().finally(() => this.looks.delete(key));
    this.looks.set(key, look);
    return look;
  }

  private tail(jobId: string): RunTail {
    const known = this.tails.get(jobId);
    if (known) return known;
    const tail: RunTail = new RunTail(
      jobId,
      this.readCommands,
      () => this.drop(jobId, tail),
      (err) => this.log.warn({ err, jobId }, 'a live log cannot be read at present'),
    );
    this.tails.set(jobId, tail);
    this.poll ??= setInterval(() => {
      for (const each of this.tails.values()) each.wake();
    }, POLL_MS).unref();
    return tail;
  }

  private drop(jobId: string, tail: RunTail): void {
    if (this.tails.get(jobId) === tail) this.tails.delete(jobId);
    if (this.tails.size > 0) return;
    clearInterval(this.poll);
    this.poll = undefined;
  }
}
