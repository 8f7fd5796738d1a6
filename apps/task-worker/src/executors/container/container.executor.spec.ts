import { setTimeout as delay } from 'node:timers/promises';
import type { TakenRun, WorkRuns } from '@task-engine/engine';
import { testContext } from '../execution-context.fixture';
import { containerExecutor } from './container.executor';
import type { ContainerRuntime, Exit } from './runtime';
import type { StopRequests } from './stop-requests';

const PLACE = { host: 'here', port: 0, containerId: '1' };
const away = () => Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });

describe('the container executor', () => {
  /** What a run does, with one that ends at once and well unless told otherwise. */
  const execute = async (
    runs: Partial<WorkRuns> = {},
    runtime: Partial<ContainerRuntime> = {},
    timeoutSeconds = 60,
  ) => {
    const calls: string[] = [];
    const run = {
      uuid: 'r',
      jobId: '1',
      group: 'g',
      image: 'i',
      command: 'true',
      host: null,
      port: null,
      containerId: null,
      startedAt: null,
      stopRequested: false,
      overdue: false,
      kept: { seq: 0, bytes: { stdout: 0, stderr: 0 } },
      request: { environment: {}, extraHosts: [], memoryBytes: null, cpus: null, timeoutSeconds },
    } as unknown as TakenRun;
    const executor = containerExecutor({
      runs: {
        take: () => Promise.resolve(run),
        begin: () => Promise.resolve(true),
        append: () => Promise.resolve(true),
        ...runs,
      } as WorkRuns,
      runtime: {
        kind: 'host',
        survivesWorker: false,
        prepare: () => Promise.resolve({ host: 'here', port: 0 }),
        start: () => Promise.resolve(PLACE),
        follow: () => Promise.resolve(),
        wait: (): Promise<Exit> => Promise.resolve({ exitCode: 0 }),
        stop: () => Promise.resolve(void calls.push('stop')),
        remove: () => Promise.resolve(void calls.push('remove')),
        ...runtime,
      } as ContainerRuntime,
      stopRequests: { watch: () => () => undefined } as unknown as StopRequests,
      outputBytes: 1_000,
      stopSeconds: 1,
    });
    const ended = await executor.execute(testContext('', {})).then(
      () => 'done',
      (error: Error) => error.message,
    );
    return { ended, calls };
  };

  it('waits for a PostgreSQL that restarts while a run begins', async () => {
    let faults = 2;
    const begin = () => (faults-- > 0 ? Promise.reject(away()) : Promise.resolve(true));
    expect(await execute({ begin })).toEqual({ ended: 'done', calls: ['remove'] });
  });

  it('leaves no process behind whose run it could not begin', async () => {
    expect(await execute({ begin: () => Promise.resolve(false) })).toEqual({
      ended: 'the lease is over',
      calls: ['stop', 'remove'],
    });
    expect(await execute({ begin: () => Promise.reject(new Error('a fault of ours')) })).toEqual({
      ended: 'a fault of ours',
      calls: ['stop', 'remove'],
    });
  });

  it('calls no command late that has ended in time, however long its output takes to be kept', async () => {
    expect(await execute({}, { follow: () => delay(1_500) }, 1)).toEqual({ ended: 'done', calls: ['remove'] });
    const late = await execute({}, { wait: () => delay(1_500).then(() => ({ exitCode: 0 })) }, 1);
    expect(late).toEqual({ ended: 'Job execution timed out after 1 seconds.', calls: ['stop', 'remove'] });
  });
});
