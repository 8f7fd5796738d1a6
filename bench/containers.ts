import { containerOptions } from '../apps/task-worker/src/executors/container/docker/container-settings';
import { parseImage } from '../apps/task-worker/src/executors/container/docker/image-reference';
import { IMAGE } from '../test/containers/support/test-images';
import { BenchDocker, missingDocker } from './engine/bench-docker';
import { BenchEngine } from './engine/bench-engine';
import { checkRuns } from './executions';
import type { Benchmark, Scale, Side } from './harness/benchmark';
import { perJob } from './harness/storage';
import type { HttpLoad } from './load/http-load.process';
import type { DockerLoop } from './peers/docker-loop.process';

const COMMAND = 'true';
const NETWORK = 'none';
/** Containers at one time, on both sides: with 4 or 16 the loop is no faster on two cores, with 2 it is slower. */
const AT_ONCE = 8;
const CONNECTIONS = 20;
const TIMEOUT_SECONDS = 600;

/** P5D: how fast commands are run in containers, from their submission to their end. */
export function containers(scale: Scale): Benchmark {
  const count = scale.of(400, 40);
  const warmUp = scale.of(80, 20);

  const ours: Side = {
    name: 'task engine',
    setup:
      `the five apps, one process each, docker executor, maxRunning ${AT_ONCE}, network ${NETWORK}; POST /tasks/bench/ over ${CONNECTIONS} ` +
      'connections while they run. Clock: from the first request until the last execution is done (PostgreSQL’s) and the last container is removed',
    async run(turn) {
      const docker = await BenchDocker.start(turn);
      const engine = await BenchEngine.start(turn, {
        env: {
          FASTLANE_EXECUTOR: 'docker',
          DOCKER_HOSTS: JSON.stringify([{ match: '', hosts: [docker.host], maxRunning: AT_ONCE }]),
          DOCKER_NETWORK: NETWORK,
        },
      });
      const load = turn.spawn<HttpLoad>('load', 'load/http-load.process');
      const submit = (commands: number) =>
        load.call('post', {
          url: `${engine.url}/tasks/bench/`,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ image: IMAGE, command: COMMAND }),
          connections: CONNECTIONS,
          count: commands,
          idField: 'executionId',
        });
      await submit(warmUp);
      await engine.drained(TIMEOUT_SECONDS);
      await docker.cleared(warmUp);
      const before = await turn.stored();
      const { rows } = await turn.database.query<{ at: Date }>('SELECT clock_timestamp() AS at');
      const { ids } = await turn.window(async () => {
        const submitted = await submit(count);
        await engine.drained(TIMEOUT_SECONDS);
        await docker.cleared(count);
        return submitted;
      });
      const end = Math.max((await engine.lastFinish()).getTime(), docker.lastRemoved.getTime());
      const seconds = (end - rows[0]!.at.getTime()) / 1000;
      const stored = perJob(before, await turn.stored(), count);
      const checked = `${await checkRuns(turn, ids)}, as many containers, none left`;
      return { figures: { 'executions/s': count / seconds }, checked, stored };
    },
  };

  const floor: Side = {
    name: 'bare dockerode',
    setup:
      `dockerode in one Node process, ${AT_ONCE} at once, containers with the same options: create, start, follow the log and wait until both ` +
      'are over, remove',
    async run(turn) {
      const docker = await BenchDocker.start(turn);
      const loop = turn.spawn<DockerLoop>('docker loop', 'peers/docker-loop.process');
      const run = (each: number) =>
        loop.call('run', { socketPath: docker.socketPath, options: bareOptions(), count: each, atOnce: AT_ONCE });
      await run(warmUp);
      await docker.cleared(warmUp);
      const { seconds, succeeded } = await turn.window(() => run(count));
      if (succeeded !== count) throw new Error(`${count - succeeded} of ${count} containers failed`);
      await docker.cleared(count);
      return {
        figures: { 'executions/s': count / seconds },
        checked: `checked: ${count} containers, exit code 0, none left`,
      };
    },
  };

  return {
    id: 'P5D',
    title: `${count} executions of ${COMMAND} in Docker containers, from submission to done`,
    missing: missingDocker,
    sides: [ours, floor],
    bars: [{ name: 'rate', figure: 'executions/s', of: ours.name, against: floor.name, better: 'higher', must: 0.7 }],
    notes: [
      'The engine is a Docker engine of the turn’s own, with no container before it. Nearly all of the time is its own: starting and ending a ' +
        'container is work for dockerd, containerd, a shim, runc and the kernel. CPU seconds are those of dockerd and containerd only.',
    ],
  };
}

/** What the docker executor asks for, of a command without wishes. */
function bareOptions() {
  const spec = { runId: 'bare', group: 'bench', image: IMAGE, command: COMMAND, environment: {}, extraHosts: [] };
  const facts = { isDocker: true, major: 0 };
  return containerOptions(spec, {
    image: parseImage(IMAGE)!,
    words: [COMMAND],
    pidsLimit: 512,
    network: NETWORK,
    facts,
    installation: 'bench',
  });
}
