import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainError, type JsonObject } from '@task-engine/domain';
import { type Commit, Database, type GroupRecord, later, type NewCommand, type Stores } from '@task-engine/database';
import { Notifier } from '@task-engine/messaging';
import { HintSender, type Hints } from '../hints';
import { CancelRuns } from './cancel-runs';
import type { CommandRequest } from './command-request';
import { nextFiring } from './cron';
import { Batch } from '../batch';
import { Farms } from './farms';
import { holdCommand, untilHeld } from './hold-command';
import { type PlannedRun, RunJobs } from './run-jobs';

export interface EnqueuedCommand {
  uuid: string;
  /** Null when it runs later. */
  runUuid: string | null;
  queueId: string;
}

interface Written {
  group: GroupRecord;
  answer: EnqueuedCommand;
  hints: Partial<Hints>;
  stopping: string[];
}

/** A command that is new in every respect: it has no row to meet, and no limit to set. */
interface Fresh {
  request: CommandRequest;
  firstAt: Date | null;
  laneId: number;
  group: GroupRecord;
}

/** Another request took the Idempotency-Key first. */
class KeyTaken extends Error {}

/** Commands that arrive together and share their statements and commit. */
const BATCH = 100;
/** Groups kept in memory. */
const GROUPS_KNOWN = 10_000;
const REPLACED = 'The job was updated before this execution was done.';

/** Accepts a command, or takes a command's new request in place of the old one, whose open runs end. Answers after COMMIT. */
@Injectable()
export class EnqueueCommand {
  /** Groups are never removed or renamed. */
  private readonly groups = new Map<string, GroupRecord>();
  private readonly fresh: Batch<Fresh, EnqueuedCommand>;

  constructor(
    private readonly database: Database,
    private readonly farms: Farms,
    private readonly runJobs: RunJobs,
    private readonly cancelRuns: CancelRuns,
    private readonly hints: HintSender,
    private readonly notifier: Notifier,
  ) {
    this.fresh = new Batch((commands) => this.writeFresh(commands), { size: BATCH, parallel: 2 });
  }

  /**
   * @param options.uuid creates or updates this command of the group; without it a new one is made
   * @param options.idempotencyKey the same key with the same fingerprint is answered as before and does nothing again
   * @throws DomainError invalid_parameter, key_reused; nothing is written then
   */
  async run(
    request: CommandRequest,
    options: { uuid?: string; idempotencyKey?: { key: string; fingerprint: string } } = {},
  ): Promise<EnqueuedCommand> {
    // before anything is written: a rule that never fires again is refused
    const firstAt = firstTime(request, new Date());
    const laneId = await this.farms.laneOf(request.group);
    await this.runJobs.ready();
    const known = this.groups.get(request.group);
    if (known && !options.uuid && !options.idempotencyKey && request.groupLimit === null)
      return this.fresh.add({ request, firstAt, laneId, group: known });
    const attempt = () =>
      this.database.transaction((stores, commit) =>
        this.write(stores, commit, { request, firstAt, laneId, ...options }),
      );
    const { answer, group, hints, stopping } = await untilHeld(attempt).catch((error: unknown) => {
      if (!(error instanceof KeyTaken)) throw error;
      // what it wrote is rolled back; now the other one's answer is there
      return attempt();
    });
    // known only after COMMIT: a new group may have been rolled back
    this.remember(group);
    for (const jobId of stopping) this.notifier.emit('run.stop', { jobId });
    await this.hints.send(hints);
    return answer;
  }

  private async write(
    stores: Stores,
    commit: Commit,
    submitted: {
      request: CommandRequest;
      firstAt: Date | null;
      laneId: number;
      uuid?: string;
      idempotencyKey?: { key: string; fingerprint: string };
    },
  ): Promise<Written> {
    const { request, idempotencyKey: once } = submitted;
    const group = this.groups.get(request.group) ?? (await stores.commands.ensureGroup(request.group));
    const answer: EnqueuedCommand = {
      uuid: submitted.uuid ?? randomUUID(),
      runUuid: null,
      queueId: randomUUID(),
    };
    const earlier = once && (await this.earlier(stores, group, once));
    if (earlier) return { answer: earlier, group, hints: {}, stopping: [] };
    if (request.groupLimit !== null) await this.limit(stores, group, request.groupLimit);
    const keeping = this.keep(stores, group, { ...submitted, answer });
    const { when } = request;
    const inserting =
      when.kind === 'cron'
        ? undefined
        : this.runJobs.insert(
            stores,
            [
              planOf(
                { ...submitted, group },
                keeping.then(({ commandId }) => commandId),
              ),
            ],
            once ? later : commit,
          );
    const [{ hints, stopping }, runs] = await Promise.all([keeping, inserting]);
    const [run] = runs ?? [];
    if (run && when.kind === 'now') answer.runUuid = run.uuid;
    if (run && !run.later) hints.queued = [run.laneId];
    if (request.groupLimit !== null) hints.lanes = [submitted.laneId];
    hints.dueChanged = when.kind !== 'now';
    if (once && !(await stores.idempotencyKeys.keepAnswer(group.clientId, once.key, once.fingerprint, answer))) {
      throw new KeyTaken('another request took the key first');
    }
    return { answer, group, hints, stopping };
  }

  private async writeFresh(commands: Fresh[]): Promise<EnqueuedCommand[]> {
    const answers = commands.map((): EnqueuedCommand => ({ uuid: randomUUID(), runUuid: null, queueId: randomUUID() }));
    const rows = commands.map((each, index) => rowOf(each, answers[index]!));
    const due = commands.flatMap((each, index) => (each.request.when.kind === 'cron' ? [] : [{ ...each, index }]));
    const runs = await this.database.transaction(async (stores, commit) => {
      const keeping = stores.commands.insert(rows);
      if (due.length === 0) {
        await keeping;
        return [];
      }
      const planned = due.map(({ index, ...each }) =>
        planOf(
          each,
          keeping.then((ids) => ids[index]!),
        ),
      );
      return this.runJobs.insert(stores, planned, commit);
    });
    due.forEach(({ request, index }, n) => {
      if (request.when.kind === 'now') answers[index]!.runUuid = runs[n]!.uuid;
    });
    await this.hints.send({
      queued: [...new Set(runs.filter((run) => !run.later).map((run) => run.laneId))],
      dueChanged: commands.some(({ request }) => request.when.kind !== 'now'),
    });
    return answers;
  }

  private remember(group: GroupRecord): void {
    if (this.groups.size >= GROUPS_KNOWN) this.groups.delete(this.groups.keys().next().value!);
    this.groups.set(group.name, group);
  }

  private async earlier(stores: Stores, group: GroupRecord, once: { key: string; fingerprint: string }) {
    const kept = await stores.idempotencyKeys.findAnswer<EnqueuedCommand>(group.clientId, once.key);
    if (kept && kept.fingerprint !== once.fingerprint)
      throw new DomainError('key_reused', 'This Idempotency-Key was used for another request');
    return kept?.answer;
  }

  /** The command's row; open runs of an earlier request are cancelled. */
  private async keep(
    stores: Stores,
    group: GroupRecord,
    {
      request,
      firstAt,
      laneId,
      answer,
    }: { request: CommandRequest; firstAt: Date | null; laneId: number; answer: EnqueuedCommand },
  ): Promise<{ commandId: string; hints: Partial<Hints>; stopping: string[] }> {
    const row = rowOf({ group, request, firstAt, laneId }, answer);
    const [commandId] = await stores.commands.insert([row]);
    if (commandId) return { commandId, hints: {}, stopping: [] };
    const known = (await stores.commands.find(request.group, answer.uuid))!;
    const held = await holdCommand(stores, known.id);
    const { hints, stopping } = await this.cancelRuns.within(stores, held.open, held.command.laneId, REPLACED);
    // only now: a firing that came meanwhile has taken its time
    const nextAt = firstTime(request, await stores.runs.firedUpTo(known.id));
    await stores.commands.update(known.id, { ...row, nextAt });
    return { commandId: known.id, hints: { ...hints }, stopping };
  }

  /** As every change of a limit under the locks of the lanes. */
  private async limit(stores: Stores, group: GroupRecord, limit: number): Promise<void> {
    await stores.clients.configure(group.clientId, { maxRunning: limit === 0 ? null : limit });
  }
}

function firstTime({ when }: CommandRequest, after: Date): Date | null {
  return when.kind === 'cron' ? nextFiring(when.cron, when.timezone, after) : null;
}

function rowOf({ request, firstAt, laneId, group }: Fresh, { uuid, queueId }: EnqueuedCommand): NewCommand {
  const { image, command, requestedFrom } = request;
  return {
    groupId: group.id,
    laneId,
    uuid,
    image,
    command,
    request: stored(request),
    nextAt: firstAt,
    queueId,
    requestedFrom,
  };
}

/** The first run of a command that has no cron rule. */
function planOf({ request, laneId, group }: Fresh, commandId: Promise<string>): PlannedRun {
  const { when, image, command, requestedFrom } = request;
  const dueAt = when.kind === 'at' ? when.at : null;
  const cause = when.kind === 'now' ? 'request' : 'schedule';
  return { commandId, clientId: group.clientId, laneId, image, command, cause, dueAt, requestedFrom };
}

/** What the row keeps as JSON. */
function stored(request: CommandRequest): JsonObject {
  const { when, expiration } = request;
  return {
    environment: request.environment as JsonObject,
    extraHosts: request.extraHosts,
    custom: request.custom as JsonObject,
    retries: request.retries,
    retryPull: request.retryPull,
    expiration: expiration?.toISOString() ?? null,
    timeoutSeconds: request.timeoutSeconds,
    memoryBytes: request.memoryBytes,
    cpus: request.cpus,
    keptRuns: request.keptRuns,
    notify: request.notify,
    webhooks: request.webhooks as unknown as JsonObject,
    cron: when.kind === 'cron' ? when.cron : null,
    timezone: when.kind === 'cron' ? when.timezone : null,
  };
}
