import type { WorkerRegistration, WorkRuns } from '@task-engine/engine';
import type { Log, Shutdown } from '@task-engine/platform';
import type { ContainerRuntime, Place } from './runtime';
import { RuntimeReport } from './runtime-report';

const ids = ['0f8fad5b-d9cb-469f-a165-70867728950e', '1f8fad5b-d9cb-469f-a165-70867728950e'] as const;
const placeOf = (runId: string) => ({ host: 'docker', port: 2375, containerId: `of ${runId}`, runId });

/** One look of a report at these containers, of which the first cannot be stopped. @returns what was removed, and of which runs was asked */
async function lookAt(containers: ReturnType<typeof placeOf>[]) {
  const removed: string[] = [];
  const asked: string[][] = [];
  let done!: () => void;
  const over = new Promise<void>((resolve) => (done = resolve));
  const runtime = {
    kind: 'docker',
    survivesWorker: true,
    hosts: async () => [],
    all: async () => containers,
    stop: async ({ containerId }: Place) => {
      if (containerId === containers[0]!.containerId) throw new Error('the engine cannot stop it');
    },
    remove: async ({ containerId }: Place) => void removed.push(containerId),
  } as Partial<ContainerRuntime> as ContainerRuntime;
  const runs = {
    report: async () => undefined,
    over: async (uuids: string[]) => {
      asked.push(uuids);
      return new Set(uuids);
    },
  } as Partial<WorkRuns> as WorkRuns;
  const shutdown = {
    get started() {
      done();
      return true;
    },
    onStopIntake: () => undefined,
    onFlush: () => undefined,
  } as Partial<Shutdown> as Shutdown;
  const log = { info: () => undefined, warn: () => undefined } as Partial<Log> as Log;
  new RuntimeReport(
    runtime,
    runs,
    { id: ids[0] } as Partial<WorkerRegistration> as WorkerRegistration,
    shutdown,
    log,
  ).start();
  await over;
  return { removed, asked };
}

describe('what is left of runs that are over', () => {
  it('is removed also behind a container that cannot be', async () => {
    const { removed } = await lookAt(ids.map(placeOf));
    expect(removed).toEqual([`of ${ids[1]}`]);
  });

  it('is asked for only by what can be the id of a run', async () => {
    const { removed, asked } = await lookAt([placeOf(ids[0]), placeOf('my-own-label'), placeOf(''), placeOf(ids[1])]);
    expect(asked).toEqual([[...ids]]);
    expect(removed).toEqual([`of ${ids[1]}`]);
  });
});
