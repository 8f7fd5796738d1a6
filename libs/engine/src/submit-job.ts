import { Injectable } from '@nestjs/common';
import type { JsonObject } from '@task-engine/domain';
import { Database, type LogLine, type NewJob, SEVERITY } from '@task-engine/database';
import { ClientConfigurations, Definitions, prepareSubmission } from '@task-engine/workflows';
import { Batch } from './batch';
import { DefinitionCache } from './definition-cache';
import { HintSender, type Hints } from './hints';
import { Lanes } from './lanes';

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

/** Accepts jobs: checked whole, then written in one statement, then a hint. Answers after COMMIT. */
@Injectable()
export class SubmitJob {
  private readonly inserts: Batch<NewJob, string>;

  constructor(
    private readonly database: Database,
    private readonly definitions: Definitions,
    private readonly clients: ClientConfigurations,
    private readonly cache: DefinitionCache,
    private readonly lanes: Lanes,
    private readonly hints: HintSender,
  ) {
    this.inserts = new Batch((jobs) => this.database.stores.jobs.insert(jobs), { size: BATCH, parallel: 2 });
  }

  /** @throws DomainError unknown_workflow, invalid_parameter, not_supported, not_configured; nothing is written then */
  async run(submitted: Submitted): Promise<{ id: string }> {
    const job = await this.prepare(submitted);
    const id = await this.inserts.add(job);
    await this.hints.send(hintsOf(job));
    return { id };
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
    for (const hints of new Map(jobs.map((job) => [`${job.laneId} ${job.state}`, hintsOf(job)])).values())
      await this.hints.send(hints);
    return ids;
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
      laneId: await this.lanes.id('engine'),
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
  return job.state === 'queued' ? { lanes: [job.laneId] } : { dueChanged: true };
}
