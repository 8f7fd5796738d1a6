/**
 * Preloaded into an app by `--profile` (Node 20 does not take --cpu-prof in NODE_OPTIONS): SIGUSR2 starts a CPU profile, the next one ends it and
 * writes <BENCH_PROFILE_FOLDER>/<app>-<pid>.cpuprofile. Chrome's and VS Code's tools read such files.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { basename, dirname, join } from 'node:path';

const folder = process.env.BENCH_PROFILE_FOLDER;
if (folder !== undefined) profileInto(folder);

function profileInto(path: string): void {
  const app = basename(dirname(dirname(process.argv[1] ?? '')));
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  let running = false;
  process.on('SIGUSR2', () => {
    running = !running;
    if (running) return session.post('Profiler.start');
    session.post('Profiler.stop', (error, result) => {
      if (error) return;
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, `${app}-${process.pid}.cpuprofile`), JSON.stringify(result.profile));
    });
  });
}
