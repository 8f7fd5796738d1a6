import { AdmitJobs, type ClaimedWork, type GraphTask, GraphTasks, type NewGraphTask } from '@task-engine/engine';
import type { TestEngine } from '../../support/start-engine';

/** What clients and workers do with graph tasks, each step by the test. */
export class Graphs {
  readonly tasks: GraphTasks;

  constructor(private readonly engine: TestEngine) {
    this.tasks = engine.get(GraphTasks);
  }

  newTask(fields: Partial<NewGraphTask> = {}): NewGraphTask {
    return {
      name: 'a task',
      description: null,
      command: 'true',
      priority: 5,
      maxRetries: 3,
      scheduledAt: null,
      timeoutSeconds: 3600,
      tags: [],
      workerTags: [],
      dependencies: [],
      checkpointEnabled: false,
      ...fields,
    };
  }

  async create(fields: Partial<NewGraphTask> = {}, client = 'demo-client'): Promise<GraphTask> {
    const answer = await this.tasks.create(await this.engine.client(client), this.newTask(fields));
    if (!('task' in answer)) throw new Error(JSON.stringify(answer));
    return answer.task;
  }

  /** Ids of tasks that depend on these. */
  async childOf(...dependencies: string[]): Promise<string> {
    return (await this.create({ dependencies })).id;
  }

  async find(id: string, client = 'demo-client'): Promise<GraphTask> {
    return (await this.tasks.find(await this.engine.client(client), id))!;
  }

  async status(id: string): Promise<string> {
    return (await this.find(id)).status;
  }

  /** Fills the lanes of all graph tasks. */
  async admit(): Promise<void> {
    for (const { id } of await this.engine.stores.graphLanes.all()) await this.engine.get(AdmitJobs).run(id);
  }

  /** A worker begins the task; undefined when there is nothing to begin. */
  async begin(id: string): Promise<ClaimedWork | undefined> {
    await this.admit();
    return (await this.engine.claim(id))[0];
  }

  /** A worker runs the task to its end. */
  async complete(id: string, result = 'done'): Promise<void> {
    const work = await this.begin(id);
    if (!work || !(await this.succeed(work, result))) throw new Error(`task ${id} cannot be completed`);
  }

  succeed(work: ClaimedWork, result = 'done'): Promise<boolean> {
    return this.engine.report(work, { state: 'succeeded', output: { result } });
  }

  fail(work: ClaimedWork, error = 'exit code 3: no', retryable = true): Promise<boolean> {
    return this.engine.report(work, { state: 'failed', error, retryable });
  }

  /** Ends the back-off of a task. */
  async due(id: string): Promise<void> {
    await this.engine.query(`UPDATE job SET run_at = now() WHERE id = $1 AND state = 'scheduled'`, [id]);
    await this.engine.stores.dueJobs.releaseDue(100);
  }

  /** A worker fails the task as often as it is tried. */
  async failForGood(id: string): Promise<void> {
    for (;;) {
      await this.due(id);
      const work = await this.begin(id);
      if (!work) return;
      await this.fail(work);
    }
  }
}
