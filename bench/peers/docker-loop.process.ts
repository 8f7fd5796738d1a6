import Docker from 'dockerode';
import { serve } from '../harness/child';

export interface DockerLoopRequest {
  socketPath: string;
  /** What each container is made with. */
  options: Docker.ContainerCreateOptions;
  count: number;
  atOnce: number;
}

/** The least that running a command in a container can be. */
const procedures = {
  async run(request: DockerLoopRequest): Promise<{ seconds: number; succeeded: number }> {
    const { options, count, atOnce } = request;
    const docker = new Docker({ socketPath: request.socketPath });
    let begun = 0;
    let succeeded = 0;
    const began = performance.now();
    const one = async () => {
      const container = await docker.createContainer(options);
      await container.start();
      const [exit] = await Promise.all([container.wait() as Promise<{ StatusCode: number }>, readLog(container)]);
      if (exit.StatusCode === 0) succeeded += 1;
      await container.remove();
    };
    const lane = async () => {
      while (begun++ < count) await one();
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return { seconds: (performance.now() - began) / 1000, succeeded };
  },
};

/** Both streams to their end, not looked at. */
async function readLog(container: Docker.Container): Promise<void> {
  const log = await container.logs({ follow: true, stdout: true, stderr: true });
  await new Promise<void>((done, refuse) => {
    log.on('end', done);
    log.on('error', refuse);
    log.resume();
  });
}

export type DockerLoop = typeof procedures;

serve(procedures);
