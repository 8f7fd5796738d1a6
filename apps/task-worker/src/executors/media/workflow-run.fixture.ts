import { copyFileSync, createReadStream, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TaskFailure, type JsonObject } from '@task-engine/domain';
import { OutboundHttp } from '@task-engine/platform';
import {
  Definitions,
  jobCallback,
  planTasks,
  prepareSubmission,
  renderArguments,
  taskCallback,
  ClientConfigurations,
  type JobContext,
  type ResolvedDefinition,
  type TaskSnapshot,
} from '@task-engine/workflows';
import type { ExecutionContext, Executor } from '../executor';
import { createExecutors } from '../index';
import { generateMedia } from './test-media.fixture';

export interface LogRow {
  task: string;
  severity: string;
  message: string;
}

export interface FinishedJob {
  state: 'completed' | 'failed';
  error: string | null;
  failedTask: string | null;
  /** Body of the job callback. */
  callback: JsonObject;
  tasks: TaskSnapshot[];
  log: LogRow[];
  definition: ResolvedDefinition;
  job: JobContext;
}

/** Runs whole workflows by their shipped definitions in this process: what the engine does, without queue and database. */
export class WorkflowRun {
  private readonly definitions = Definitions.load({});
  private readonly clients: ClientConfigurations;
  private count = 0;

  constructor(
    private readonly executors: Map<string, Executor>,
    private readonly folder: string,
  ) {
    this.clients = ClientConfigurations.load({ dataDir: folder });
  }

  /** Absolute path of a file below a root of the test client. */
  stored(root: 'input_root' | 'output_root', ...names: string[]): string {
    const storage = this.clients.for('demo-client').storage.local;
    if (!storage) throw new Error('the test client has no local storage');
    return join(storage.base, storage[root], ...names);
  }

  /** @param executions how often each task is executed, as after a worker's death behind the work and before the report */
  async run(workflow: string, parameters: JsonObject, executions = 1): Promise<FinishedJob> {
    const id = String((this.count += 1));
    const workDir = join(this.folder, 'work', id);
    mkdirSync(workDir, { recursive: true });
    const now = new Date();
    const prepared = prepareSubmission(this.definitions, this.clients, {
      client: 'demo-client',
      workflow,
      parameters,
      now,
    });
    const { definition } = prepared;
    const job: JobContext = {
      id,
      priority: prepared.priority,
      runAt: now.toISOString(),
      createdAt: now.toISOString(),
      client: 'demo-client',
      clientConfiguration: this.clients.for('demo-client'),
      parameters: prepared.parameters,
      workDir,
    };
    const tasks: TaskSnapshot[] = definition.tasks.map(({ name }) => ({
      name,
      state: 'waiting',
      output: null,
      error: null,
    }));
    const log: LogRow[] = [];
    for (;;) {
      const plan = planTasks(definition, tasks, job);
      for (const name of plan.skip) change(tasks, name, { state: 'skipped' });
      for (const { name, error } of plan.fail) change(tasks, name, { state: 'failed', error });
      if (plan.outcome) {
        const callback = jobCallback({ definition, job, tasks, time: now, outcome: plan.outcome });
        const failure = plan.outcome.state === 'failed' ? plan.outcome : null;
        return {
          state: plan.outcome.state,
          error: failure?.error ?? null,
          failedTask: failure?.task ?? null,
          callback,
          tasks,
          log,
          definition,
          job,
        };
      }
      for (const name of plan.start) {
        for (let execution = 1; execution <= executions; execution += 1)
          await this.runTask(name, execution, definition, tasks, job, log);
      }
    }
  }

  /** Body of the callback of a task that ended well. */
  taskCallback({ definition, job, tasks }: FinishedJob, name: string): JsonObject {
    return taskCallback({ definition, job, tasks, time: new Date(), task: { id: '1', name }, event: 'complete' });
  }

  private async runTask(
    name: string,
    execution: number,
    definition: ResolvedDefinition,
    tasks: TaskSnapshot[],
    job: JobContext,
    log: LogRow[],
  ): Promise<void> {
    const task = definition.tasks.find((candidate) => candidate.name === name);
    const executor = task && this.executors.get(task.uses);
    if (!task || !executor) throw new Error(`no executor for task ${name}`);
    const context: ExecutionContext = {
      jobId: job.id,
      taskId: `${job.id}00`,
      executionId: `${job.id}${tasks.findIndex((each) => each.name === name)}${execution}`,
      cause: 'first',
      token: '1',
      onReported: () => undefined,
      taskName: name,
      workflow: definition.workflow,
      client: job.client,
      clientConfiguration: job.clientConfiguration,
      attempt: 1,
      arguments: renderArguments(task, tasks, job),
      workDir: job.workDir ?? '',
      signal: new AbortController().signal,
      log: (severity, message) => log.push({ task: name, severity, message }),
    };
    try {
      // Through JSON, as the database stores it.
      const output = JSON.parse(JSON.stringify(await executor.execute(context))) as JsonObject;
      change(tasks, name, { state: 'completed', output });
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      change(tasks, name, { state: 'failed', error: error.message });
    }
  }
}

function change(tasks: TaskSnapshot[], name: string, changes: Partial<TaskSnapshot>): void {
  Object.assign(tasks.find((task) => task.name === name) ?? {}, changes);
}

/** Serves a folder over HTTP on a free port of 127.0.0.1. */
export async function serveFolder(
  folder: string,
): Promise<{ url: string; requests: string[]; close(): Promise<void> }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    requests.push(path);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const bounds = range ? { start: Number(range[1]), end: Number(range[2]) } : {};
    stat(join(folder, path)).then(
      () => {
        response.writeHead(range ? 206 : 200);
        createReadStream(join(folder, path), bounds).pipe(response);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Generated sources behind an HTTP server, the F3 archive in the input root too, and everything that runs workflows on them. */
export interface MediaBench {
  folder: string;
  sources: string;
  url: string;
  outbound: OutboundHttp;
  workflows: WorkflowRun;
  close(): Promise<void>;
}

/** @param seconds length of the main source */
export async function startBench(seconds: number): Promise<MediaBench> {
  const folder = mkdtempSync(join(tmpdir(), 'media-workflows-'));
  const sources = join(folder, 'sources');
  mkdirSync(sources);
  generateMedia(sources, seconds);
  const outbound = new OutboundHttp({ allow: ['127.0.0.1/32'], timeoutMs: 10_000 });
  const server = await serveFolder(sources);
  const workflows = new WorkflowRun(createExecutors({ outbound, allowedCommands: [] }), folder);
  mkdirSync(workflows.stored('input_root', 'f3'), { recursive: true });
  for (const name of readdirSync(join(sources, 'f3'))) {
    copyFileSync(join(sources, 'f3', name), workflows.stored('input_root', 'f3', name));
  }
  return {
    folder,
    sources,
    url: server.url,
    outbound,
    workflows,
    close: async () => {
      await server.close();
      await outbound.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function warnings(job: FinishedJob): string[] {
  return job.log.filter((row) => row.severity === 'WARN').map((row) => row.message);
}
