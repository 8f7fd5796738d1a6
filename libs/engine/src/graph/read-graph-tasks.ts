import { Injectable } from '@nestjs/common';
import { type ClientRecord, Database, type GraphTaskRecord, SEVERITY } from '@task-engine/database';
import type { WaitReason } from '@task-engine/domain';
import { ExplainWait } from '../explain-wait';
import { enginePriority } from './create-graph-tasks';
import { GraphLanes } from './graph-lanes';
import type { GraphFilter, GraphLogLine, GraphTask, GraphWait } from './views';

/** Severities of the job log behind each level. */
const LEVELS = {
  debug: [SEVERITY.DEBUG],
  info: [SEVERITY.INFO],
  warn: [SEVERITY.WARN],
  error: [SEVERITY.ERROR, SEVERITY.FATAL, SEVERITY.UNKNOWN],
} as const satisfies Record<GraphLogLine['level'], readonly number[]>;

/** What a task waits for, in the words that its clients know. */
const REASONS = {
  RunAt: 'RunAt',
  Dependency: 'Dependency',
  LaneFull: 'LaneFull',
  SlotsReserved: 'LaneFull',
  ClientCap: 'ClientCap',
  LanePaused: 'LanePaused',
  JobPaused: 'LanePaused',
  NoWorker: 'NoWorker',
  Backoff: 'Backoff',
  // of other kinds of jobs
  Semaphore: 'NoWorker',
  RateLimit: 'NoWorker',
  AwaitingVerification: 'NoWorker',
} as const satisfies Record<WaitReason, GraphWait['reason']>;

/** What clients may see of their graph tasks. */
@Injectable()
export class ReadGraphTasks {
  constructor(
    private readonly database: Database,
    private readonly lanes: GraphLanes,
    private readonly explainWait: ExplainWait,
  ) {}

  async find(client: ClientRecord, id: string): Promise<GraphTask | undefined> {
    const task = await this.database.stores.graphLists.find(id, client.id);
    return task && viewOf(task);
  }

  async list(client: ClientRecord, filter: GraphFilter): Promise<{ tasks: GraphTask[]; total: number }> {
    const own = { ...filter, clientId: client.id };
    const [tasks, total] = await Promise.all([
      this.database.stores.graphLists.list(own),
      this.database.stores.graphLists.count(own),
    ]);
    return { tasks: tasks.map(viewOf), total };
  }

  async wait(client: ClientRecord, id: string): Promise<GraphWait | undefined> {
    const task = await this.database.stores.graphLists.find(id, client.id);
    if (task?.status !== 'pending') return undefined;
    if (task.jobState !== 'pending') return { reason: REASONS[await this.reasonOf(task)], blockedBy: [] };
    const blockers = await this.database.stores.graphLists.blockers(id);
    return {
      reason: 'Dependency',
      blockedBy: blockers.map(({ id: by, status }) => ({ id: by, status: status ?? 'deleted' })),
    };
  }

  async log(
    client: ClientRecord,
    id: string,
    { level, limit, offset }: { level?: GraphLogLine['level']; limit: number; offset: number },
  ): Promise<{ lines: GraphLogLine[]; total: number } | undefined> {
    const { graphLists } = this.database.stores;
    if (!(await graphLists.find(id, client.id))) return undefined;
    const severities = level && [...LEVELS[level]];
    const { rows, total } = await graphLists.log(id, { severities, limit, offset });
    return { lines: rows.map(({ at, severity, message }) => ({ at, level: levelOf(severity), message })), total };
  }

  private async reasonOf({ id, laneId, jobState, waitReason }: GraphTaskRecord): Promise<WaitReason> {
    if (jobState !== 'queued') return waitReason ?? 'NoWorker';
    const lane = await this.lanes.nameOf(laneId);
    if (lane === undefined) return 'NoWorker';
    const [reasons, served] = await Promise.all([
      this.explainWait.run(lane, [id]),
      this.database.stores.engineWorkers.isServed(this.lanes.queueOf(lane)),
    ]);
    // one that the next admission starts lacks nothing but a process that takes it, and in a lane that nobody serves the slots stay taken
    const reason = reasons.get(id) ?? 'NoWorker';
    return REASONS[reason] === 'LaneFull' && !served ? 'NoWorker' : reason;
  }
}

export function viewOf({ laneId: _lane, jobState: _state, waitReason: _reason, ...task }: GraphTaskRecord): GraphTask {
  const { enginePriority: priority, ...rest } = task;
  return { ...rest, priority: enginePriority(priority) };
}

function levelOf(severity: number): GraphLogLine['level'] {
  const levels = Object.entries(LEVELS) as [GraphLogLine['level'], readonly number[]][];
  return levels.find(([, severities]) => severities.includes(severity))?.[0] ?? 'info';
}
