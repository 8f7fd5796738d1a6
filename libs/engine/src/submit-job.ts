import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import { Database, isUnavailable, type LogLine, type NewJob, SEVERITY } from '@task-engine/database';
import { ClientConfigurations, Definitions, prepareSubmission } from '@task-engine/workflows';
import { Batch } from './batch';
import { AdmitJobs } from './admit-jobs';
import { DefinitionCache } from './definition-cache';
import { HintSender, type Hints } from './hints';
import { ENGINE_LANE, Lanes } from './lanes';

export interface Submitted {
  client: { id: number; name: string };
  workflow: unknown;
  parameters: unknown;
  priority?: unknown;
  runAt?: unknown;
  semaphoreUrl?: unknown;
  persist?: boolean;
  /** Message of the job log's first row, secrets masked already. */
  requestLog: string;
}

/** Most that `bulk` takes. */
export const BULK_LIMIT = 1_000;
/** Submissions that arrive together and share one statement and commit. */
const BATCH = 100;
/** After a look that found no free slot left, or failed, jobs are left to the controllers for this long, in milliseconds. */
const FULL_MS = 250;

/**
 * Accepts jobs: checked whole, then written in one statement. While their lane has a free slot they are started in the same transaction;
 * else a hint tells a controller. Answers after COMMIT.
 */
@Injectable()
export class SubmitJob {
  private readonly inserts: Batch<NewJob, string>;
  /** Lanes that were full, and until when that is believed. */
  private readonly full = new Map<number, number>();

  constructor(
    private readonly database: Database,
    private readonly definitions: Definitions,
    private readonly clients: ClientConfigurations,
    private readonly cache: DefinitionCache,
    private readonly lanes: Lanes,
    private readonly admitJobs: AdmitJobs,
    private readonly hints: HintSender,
  ) {
    this.inserts = new Batch((jobs) => this.insert(jobs), { size: BATCH, parallel: 1 });
  }

  /** @throws DomainError unknown_workflow, invalid_parameter, not_supported, not_configured; nothing is written then */
  async run(submitted: Submitted): Promise<{ id: string }> {
    const job = await this.prepare(submitted);
    return { id: await this.inserts.add(job) };
  }

  /**
   * Accepts up to BULK_LIMIT jobs, all or none.
   * @returns their ids, in order
   * @throws RangeError for more; what `run` throws, for the first that is refused
   */
  async bulk(submitted: Submitted[]): Promise<string[]> {
    if (submitted.length > BULK_LIMIT) throw new RangeError(`${submitted.length} jobs at once: ${BULK_LIMIT} at most`);
    const jobs: NewJob[] = [];
    for (const each of submitted) jobs.push(await this.prepare(each));
    if (jobs.length === 0) return [];
    const ids = await this.database.stores.jobs.insert(jobs);
    await this.tell(jobs);
    return ids;
  }

  private async insert(jobs: NewJob[]): Promise<string[]> {
    const queued = new Set(jobs.filter((job) => job.state === 'queued').map((job) => job.laneId));
    const [laneId] = queued;
    if (laneId !== undefined && queued.size === 1 && performance.now() >= (this.full.get(laneId) ?? 0)) {
      try {
        const admitted = await this.admitJobs.along(laneId, (stores) => stores.jobs.insert(jobs));
        if (admitted.decided && admitted.waiting) this.full.set(laneId, performance.now() + FULL_MS);
        await this.tell(jobs.filter((job) => job.state !== 'queued' || admitted.waiting));
        return admitted.written;
      } catch (error) {
        // Nothing is written. A job that has to wait is no reason to refuse another, so what was refused is seen below.
        if (isUnavailable(error)) throw error;
        this.full.set(laneId, performance.now() + FULL_MS);
      }
    }
    const ids = await this.database.stores.jobs.insert(jobs);
    await this.tell(jobs);
    return ids;
  }

  private async tell(jobs: NewJob[]): Promise<void> {
    for (const hints of new Map(jobs.map((job) => [`${job.laneId} ${job.state}`, hintsOf(job)])).values())
      await this.hints.send(hints);
  }

  /** The row to be, for callers that write it inside a transaction of their own. */
  async prepare(submitted: Submitted): Promise<NewJob> {
    const now = new Date();
    const prepared = prepareSubmission(this.definitions, this.clients, {
      ...submitted,
      client: submitted.client.name,
      now,
    });
    await this.cache.keep(prepared.definition);
    const { runAt, semaphoreUrl } = prepared;
    const later = runAt !== null && runAt > now;
    const log: Omit<LogLine, 'jobId'>[] = [{ progname: 'api', message: submitted.requestLog }];
    if (later)
      log.push({
        progname: 'api',
        message: `Job will run at: "${runAt.toISOString()}"`,
      });
    for (const warning of prepared.warnings) log.push({ progname: 'api', severity: 'WARN', message: warning });
    return {
      laneId: await this.lanes.id(ENGINE_LANE),
      clientId: submitted.client.id,
      workflow: prepared.definition.workflow,
      definitionDigest: prepared.definition.digest,
      submitted: (submitted.parameters ?? {}) as JsonObject,
      parameters: prepared.parameters,
      priority: prepared.priority,
      state: later || semaphoreUrl ? 'scheduled' : 'queued',
      waitReason: later ? 'RunAt' : semaphoreUrl ? 'Semaphore' : null,
      runAt,
      semaphoreUrl,
      persist: submitted.persist ?? false,
      log: log.map((line) => ({
        severity: SEVERITY[line.severity ?? 'INFO'],
        progname: line.progname,
        message: line.message,
      })),
    };
  }

  /** An id for a rejected submission: the API answers one although nothing is kept (reference/task-engine.md N1). */
  async reserveId(): Promise<string> {
    return this.database.stores.jobs.reserveId();
  }
}

/** Who has to know of a job that was written. */
export function hintsOf(job: NewJob): Partial<Hints> {
  return job.state === 'queued' ? { queued: [job.laneId] } : { dueChanged: true };
}
