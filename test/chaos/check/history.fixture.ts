import { createHash } from 'node:crypto';
import type {
  ClientRow,
  DeliveryRow,
  ExecutionRow,
  FinalJob,
  History,
  JobRow,
  LaneRow,
  Operation,
  RequestRecord,
  RowEvent,
  ScheduleRow,
  Table,
  TaskRow,
} from '../history';
import type { EventOf } from './timeline';

const JOB: JobRow = {
  state: 'queued',
  lane_id: 1,
  client_id: 1,
  priority: 5,
  position: 1,
  top_of_queue: false,
  run_at: 0,
  semaphore_url: null,
  started: false,
  created_at: 0,
};
const LANE: LaneRow = {
  max_running: 2,
  reserved_slots: 0,
  reserved_threshold: 5,
  retry_limit: 3,
  retry_delay_seconds: 5,
  paused: false,
  name: 'engine',
};
const TASK: TaskRow = { job_id: '1', name: 'noop', state: 'waiting', tries: 0, started: false, error: null };
const EXECUTION: ExecutionRow = { job_id: '1', task_id: '1', state: 'queued', token: null, worker_id: null };
const DELIVERY: DeliveryRow = {
  message_id: 'msg_1',
  client_id: 1,
  job_id: '1',
  task_id: '1',
  event: 'start',
  url: 'http://endpoint/',
  body_hash: createHash('md5').update('{}').digest('hex'),
  state: 'pending',
  attempts: 0,
};
const SCHEDULE: ScheduleRow = { next_at: 1_000, active: true, every_seconds: 1 };
const ROWS = {
  job: JOB,
  lane: LANE,
  task: TASK,
  execution: EXECUTION,
  delivery: DELIVERY,
  schedule: SCHEDULE,
  client: { name: 'demo-client', max_running: null } satisfies ClientRow,
  graph_task: { dependencies: [] as string[] },
  schedule_tick: { schedule_name: 'release', due_at: 1_000 },
};

/**
 * A history made by hand. Each change is a transaction of its own, 10 ms after the one before it, unless it stands in `together`;
 * between two transactions a snapshot is taken that has all before it, unless they stand in `unseen`. A lane with two slots and one client
 * without a cap are there.
 */
export class HistoryMaker {
  now = 1_000;
  private xid = 0;
  private inTransaction = false;
  private seen = true;
  private readonly rows = new Map<string, EventOf<Table>['after']>();
  readonly history: History = {
    seed: 1,
    requests: [],
    events: [],
    watermarks: [],
    arrivals: [],
    semaphores: [],
    jobs: [],
    graphJobs: new Set(),
    commands: {},
    waits: [],
    transitions: [],
    secrets: {},
    faults: [],
  };

  constructor(lane: Partial<LaneRow> = {}) {
    this.change('lane', '1', lane).change('client', '1', {}).change('client', '2', { name: 'capped-client' });
  }

  /** Writes a row, or changes its columns. */
  change<Name extends Table>(table: Name, id: string, columns: Partial<EventOf<Name>['after']>): this {
    if (!this.inTransaction) this.begin();
    const key = `${table} ${id}`;
    const before = this.rows.get(key) ?? null;
    const standard = table === 'job' ? { ...JOB, created_at: this.now } : ROWS[table];
    const after = { ...(before ?? standard), ...columns } as unknown as EventOf<Name>['after'];
    this.rows.set(key, after);
    this.history.events.push({
      table,
      id,
      before,
      after,
      seq: this.history.events.length + 1,
      at: this.now,
      transactionAt: this.now - 1,
      xid: this.xid,
    } as RowEvent);
    return this;
  }

  /** Changes of one transaction. */
  together(changes: (maker: this) => void): this {
    this.begin();
    this.inTransaction = true;
    changes(this);
    this.inTransaction = false;
    return this;
  }

  /** Changes that nobody has surely seen yet when the next ones happen. */
  unseen(changes: (maker: this) => void): this {
    changes(this);
    this.seen = false;
    return this;
  }

  job(id: string, ...states: (JobRow['state'] | Partial<JobRow>)[]): this {
    for (const state of states) this.change('job', id, typeof state === 'string' ? { state } : state);
    return this;
  }

  wait(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }

  /** A request that took from 5 ms before now to 5 ms after it, unless told otherwise. */
  request(operation: Operation, answer: Partial<RequestRecord> = {}): this {
    this.history.requests.push({
      operation,
      client: 'demo-client',
      sentAt: this.now - 5,
      answeredAt: this.now + 5,
      status: 200,
      text: '',
      ...answer,
    });
    return this;
  }

  submitted(mark: string, answer: Partial<RequestRecord>, endpoints: string[] = []): this {
    return this.request({ kind: 'submit', submission: { mark, workflow: 'noop', priority: 5, endpoints } }, answer);
  }

  final(job: Partial<FinalJob>): this {
    this.history.jobs.push({ id: '1', mark: 'a', state: 'completed', rerunOf: null, waitReason: null, ...job });
    return this;
  }

  private begin(): void {
    this.now += 10;
    const open = this.seen ? [] : [this.xid];
    this.seen = true;
    this.xid += 1;
    this.history.watermarks.push({ at: this.now - 5, minimum: open[0] ?? this.xid, maximum: this.xid, running: open });
  }
}
