import {
  ExplainWait,
  ChangeSetting,
  type ClaimedWork,
  ExpireLeases,
  HeartbeatExecutions,
  type Outcome,
  ProbeSemaphore,
  ReleaseDue,
  RerunJob,
  UpdateJob,
} from '@task-engine/engine';
import type { TestEngine } from '../../../support/start-engine';
import type { Changes, Operation } from './operations';

const OUTCOMES: Record<Extract<Operation, { kind: 'report' }>['outcome'], Outcome> = {
  succeeded: { state: 'succeeded', output: {} },
  failed: { state: 'failed', error: 'as told', retryable: true },
  final: { state: 'failed', error: 'as told', retryable: false },
  released: { state: 'released' },
};

/** Nobody listens there, and nobody is asked: the dispatcher does not run. */
const ENDPOINT = 'http://endpoint.example/';
const HOUR = 3_600;

/** How a job stands, as it can be compared. */
export interface JobPicture {
  path: string[];
  priority: number;
  position: number;
  topOfQueue: boolean;
  rerunOf: number | null;
  tasks: string[];
  executions: string[];
  told: string[];
}

/** The engine's verbs on PostgreSQL, told the operations of the model test. */
export class RealEngine {
  private ids: string[] = [];
  private clients = new Map<string, { id: number; name: string }>();
  /** The last lease of each execution. */
  private held = new Map<string, ClaimedWork>();
  private executions: string[][] = [];

  constructor(private readonly engine: TestEngine) {}

  /** As if nothing had ever been submitted. */
  async reset(): Promise<void> {
    this.ids = [];
    this.executions = [];
    this.held = new Map();
    await this.engine.query(
      'TRUNCATE job, task, execution, job_log, job_transition, delivery, delivery_attempt CASCADE',
    );
    await this.engine.query('UPDATE client SET max_running = NULL');
    await this.engine.query(
      `UPDATE lane SET max_running = 2, reserved_slots = 0, reserved_threshold = 5, retry_limit = 3, retry_delay_seconds = 0, paused = false`,
    );
    for (const name of ['demo-client', 'other-client']) this.clients.set(name, await this.engine.client(name));
  }

  async apply(operation: Operation): Promise<unknown> {
    try {
      return await this.carryOut(operation);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === 'not_found' || code === 'illegal_transition') return { refused: code };
      throw error;
    }
  }

  /** The jobs of these numbers. */
  async pictures(numbers: number[]): Promise<Map<number, JobPicture>> {
    const rows = await this.engine.query<Omit<JobPicture, 'rerunOf'> & { id: string; rerunOf: string; ids: string[] }>(
      `SELECT id, priority, position, top_of_queue AS "topOfQueue", rerun_of AS "rerunOf",
         ARRAY(SELECT to_state FROM job_transition m WHERE m.job_id = j.id ORDER BY m.id) AS path,
         ARRAY(SELECT format('%s, tries %s, lost %s', state, tries, lost_leases) FROM task t WHERE t.job_id = j.id ORDER BY ordinal) AS tasks,
         ARRAY(SELECT format('%s of %s, %s', e.state, t.ordinal, cause) FROM execution e JOIN task t ON t.id = e.task_id
               WHERE e.job_id = j.id ORDER BY e.id) AS executions,
         ARRAY(SELECT e.id::text FROM execution e WHERE e.job_id = j.id ORDER BY e.id) AS ids,
         ARRAY(SELECT CASE WHEN event LIKE 'job%' THEN event ELSE event || ' ' || (t.ordinal + 1) END
               FROM delivery d LEFT JOIN task t ON t.id = d.task_id WHERE d.job_id = j.id ORDER BY d.id) AS told
       FROM job j WHERE id = ANY($1::bigint[])`,
      [numbers.map((number) => this.ids[number])],
    );
    return new Map(
      rows.map(({ id, ids, rerunOf, ...picture }) => {
        const number = this.ids.indexOf(id);
        this.executions[number] = ids;
        return [number, { ...picture, rerunOf: rerunOf === null ? null : this.ids.indexOf(rerunOf) }];
      }),
    );
  }

  private async carryOut(operation: Operation): Promise<unknown> {
    const { engine } = this;
    switch (operation.kind) {
      case 'submit': {
        const { client, steps, priority, later, semaphore, endpoint } = operation;
        const parameters = { count: steps, ...(endpoint && { rest_endpoints: [ENDPOINT] }) };
        const job = {
          client,
          priority,
          ...(later && { runAt: inAnHour().toISOString() }),
          ...(semaphore && { semaphoreUrl: this.newSemaphore() }),
        };
        this.ids.push(await engine.submit('steps', parameters, job));
        return undefined;
      }
      case 'admit':
        return engine.admit();
      case 'explain':
        return this.explain();
      case 'release_due':
        return (await engine.get(ReleaseDue).run()).length;
      case 'setting':
        await engine.get(ChangeSetting).run(operation.name, operation.value);
        return undefined;
      case 'cap':
        await engine.stores.clients.configure(this.client(operation.client).id, { maxRunning: operation.value });
        return undefined;
      case 'pause_lane':
        await engine.stores.lanes.setPaused('engine', operation.paused);
        return undefined;
      default:
        return this.ofJob(operation, this.ids[operation.job]!);
    }
  }

  private async ofJob(operation: Extract<Operation, { job: number }>, jobId: string): Promise<unknown> {
    const { engine } = this;
    switch (operation.kind) {
      case 'advance':
        return engine.advance(jobId);
      case 'claim': {
        const works = await engine.claim(jobId, HOUR);
        for (const work of works) this.held.set(work.executionId, work);
        return works.length === 1;
      }
      case 'make_due':
        await engine.query(`UPDATE job SET run_at = now() - interval '1 second' WHERE id = $1`, [jobId]);
        return undefined;
      case 'rank':
        await engine.query('UPDATE job SET top_of_queue = $2, position = $3 WHERE id = $1', [
          jobId,
          operation.topOfQueue,
          operation.position,
        ]);
        return undefined;
      case 'probe': {
        const answer = operation.open ? { open: true as const } : { open: false as const, why: 'it said no' };
        return engine.get(ProbeSemaphore).run(jobId, () => Promise.resolve(answer));
      }
      case 'rerun': {
        const client = this.client(operation.client);
        const { id } = await engine.get(RerunJob).run({ client, jobId, requestLog: '{}' });
        this.ids.push(id);
        return undefined;
      }
      case 'update': {
        const { id: clientId } = this.client(operation.client);
        return engine.get(UpdateJob).run({ clientId, jobId, changes: this.changes(operation.changes) });
      }
      default:
        return this.ofExecution(operation, this.executions[operation.job]?.[operation.execution]);
    }
  }

  private async ofExecution(operation: Extract<Operation, { execution: number }>, id?: string): Promise<unknown> {
    if (id === undefined) return operation.kind === 'ripen' ? undefined : false;
    const { engine } = this;
    switch (operation.kind) {
      case 'ripen':
        await engine.query(`UPDATE execution SET available_at = now() - interval '1 second' WHERE id = $1`, [id]);
        return undefined;
      case 'expire': {
        await engine.query(
          `UPDATE execution SET lease_expires_at = now() - interval '1 second' WHERE id = $1 AND state = 'running'`,
          [id],
        );
        const expired = (await engine.get(ExpireLeases).run()) === 1;
        await engine.advance(this.ids[operation.job]!);
        return expired;
      }
      case 'heartbeat': {
        const held = this.held.get(id)?.token ?? '0';
        const lease = { executionId: id, token: operation.stale ? another(held) : held };
        return (await engine.get(HeartbeatExecutions).run([lease], HOUR)).has(id);
      }
      case 'report': {
        const work = this.held.get(id);
        // nobody has ever held it, so nobody can tell of it
        if (!work) return false;
        const token = operation.stale ? another(work.token) : work.token;
        const taken = await engine.report({ ...work, token }, OUTCOMES[operation.outcome]);
        await engine.advance(this.ids[operation.job]!);
        return taken;
      }
    }
  }

  private async explain(): Promise<Record<number, string | null>> {
    const { engine } = this;
    const rows = await engine.query<{ id: string }>(`SELECT id FROM job WHERE state = 'queued'`);
    const reasons = await engine.get(ExplainWait).run(
      'engine',
      rows.map(({ id }) => id),
    );
    return Object.fromEntries([...reasons].map(([id, reason]) => [this.ids.indexOf(id), reason]));
  }

  private changes({ priority, later, semaphore, state }: Changes) {
    return {
      ...(later !== undefined && { runAt: later ? inAnHour() : new Date(0) }),
      ...(semaphore !== undefined && { semaphoreUrl: semaphore ? this.newSemaphore() : null }),
      ...(priority !== undefined && { priority }),
      ...(state !== undefined && { state }),
    };
  }

  private client(name: string): { id: number; name: string } {
    return this.clients.get(name)!;
  }

  private semaphores = 0;

  private newSemaphore(): string {
    return `http://semaphore.example/${(this.semaphores += 1)}`;
  }
}

const inAnHour = () => new Date(Date.now() + HOUR * 1_000);

const another = (token: string) => String(BigInt(token) + 1n);
