import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually';
import { fetchJson } from '../../support/fetch-json';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { temporaryFolder } from '../../support/test-servers';
import { TaskTrackerClient, type WorkerClient } from './task-tracker-client';

const WORKFLOW = `workflow: handed_on
version: 1
tasks:
  - name: capture
    uses: pull
    timeout: 6
    retries: { limit: 0 }
    with:
      project: windows capture
      inputs: { url: '\${parameters.url}', job: '\${job.id}' }
      max_retries: 2
      max_assign_time: 60
  - name: after
    uses: builtin:noop
`;

/** A workflow whose first step is done by whoever pulls from a project. */
describe('a step that workers pull', () => {
  let suite: TestSuite;
  let worker: WorkerClient;
  let manager: TaskTrackerClient;
  let project: number;
  const headers = { client: 'demo-client', 'api-key': 'demo-key', 'content-type': 'application/json' };

  beforeAll(async () => {
    const folder = temporaryFolder('steps');
    mkdirSync(join(folder, 'common'));
    writeFileSync(join(folder, 'common', 'handed_on.yaml'), WORKFLOW);
    suite = await startSuite({
      env: { WORKFLOWS_DIR: folder, BOOTSTRAP_CLIENTS: 'demo-client:demo-key' },
    });
    const tracker = new TaskTrackerClient(suite.url);
    manager = await tracker.manager('manager');
    project = await manager.project({ name: 'windows capture' });
    worker = await tracker.worker();
    await manager.grant(worker, project, { assign: true });
  });
  afterAll(() => suite?.stop());

  const submit = async (url: string) => {
    const body = JSON.stringify({ job: { workflow: 'handed_on' }, parameters: { url } });
    const answer = await fetchJson<{ id: string }>(`${suite.url}/job`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
    return answer.body.id;
  };
  const over = (id: string) =>
    eventually(
      async () => {
        const { body } = await fetchJson<{ queue_state: string; failed: boolean }>(`${suite.url}/jobs/${id}`);
        return body.queue_state === 'completed' && body;
      },
      { timeout: 20_000 },
    );
  const taken = () => eventually(async () => (await worker.take(project)) ?? false);

  it('has its inputs as the recipe, and is done when its worker is', async () => {
    const id = await submit('https://example.org/live');
    const task = await taken();
    expect(task).toMatchObject({ max_retries: 2, max_assign_time: 60, verification_count: 1 });
    expect(JSON.parse(task.recipe as string)).toEqual({ url: 'https://example.org/live', job: id });
    expect(await worker.release(task.id as number)).toBe(true);
    expect(await over(id)).toMatchObject({ failed: false });
  });

  it('fails when its workers have failed as often as they may', async () => {
    const id = await submit('x');
    for (let tries = 0; tries < 2; tries += 1) expect(await worker.release((await taken()).id as number, 1)).toBe(true);
    expect(await over(id)).toMatchObject({ failed: true });
  });

  it('takes its task back when its time is over', async () => {
    const id = await submit('x');
    const task = await taken();
    expect(await over(id)).toMatchObject({ failed: true });
    await eventually(async () => !(await worker.release(task.id as number)));
    expect(await worker.take(project)).toBeUndefined();
  });

  it('fails when its task is removed from the project', async () => {
    const reset = async () =>
      (await manager.accepted(`/project/hard_reset/${project}`)).content.affected_tasks as number;
    // what the tests before have left
    await reset();
    const id = await submit('x');
    await eventually(async () => (await reset()) === 1);
    expect(await over(id)).toMatchObject({ failed: true });
  });
});
