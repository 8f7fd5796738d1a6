import { spawn } from 'node:child_process';
import { serve } from '../harness/child';

export interface SpawnLoopRequest {
  command: string;
  count: number;
  atOnce: number;
}

/** The least that running a command can be. */
const procedures = {
  async run({ command, count, atOnce }: SpawnLoopRequest): Promise<{ seconds: number; succeeded: number }> {
    let begun = 0;
    let succeeded = 0;
    const began = performance.now();
    const one = () =>
      new Promise<void>((done, refuse) => {
        const child = spawn(command, [], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
        child.on('error', refuse);
        child.stdout.resume();
        child.stderr.resume();
        child.on('close', (code) => {
          if (code === 0) succeeded += 1;
          done();
        });
      });
    const lane = async () => {
      while (begun++ < count) await one();
    };
    await Promise.all(Array.from({ length: atOnce }, lane));
    return { seconds: (performance.now() - began) / 1000, succeeded };
  },
};

export type SpawnLoop = typeof procedures;

serve(procedures);
