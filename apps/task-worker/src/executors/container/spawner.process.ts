import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { killGroup } from './kill-group';
import type { SpawnReply, SpawnRequest } from './spawner';

/**
 * Starts processes for a worker. The system copies the page tables of who forks, and so takes some milliseconds for a worker and a fraction of
 * that for this process. Outputs do not come through here: each is a connection to the worker that the process inherits. Ends with the
 * worker, and with it all that it has started; ends it first, so does the worker with what that had started.
 */
const running = new Set<number>();
const reply = (message: SpawnReply) => process.send?.(message);

async function start({ id, address, argv: [program = '', ...rest], cwd, environment }: SpawnRequest): Promise<void> {
  // recursive: a try before may have left it. Nothing else happens in this process, so it may wait.
  mkdirSync(cwd, { recursive: true });
  const outputs = await Promise.all([output(address, `${id} stdout`), output(address, `${id} stderr`)]);
  const child = spawn(program, rest, { cwd, env: environment, detached: true, stdio: ['ignore', ...outputs] });
  child.once('error', (error: NodeJS.ErrnoException) => reply({ id, error: error.message, code: error.code }));
  const { pid } = child;
  if (pid !== undefined) {
    running.add(pid);
    reply({ id, pid });
  }
  child.once('exit', (code, signal) => {
    running.delete(pid!);
    reply({ id, code, signal });
  });
  // the process has them now
  for (const socket of outputs) socket.destroy();
}

/** A connection to the worker, which is told whose output it is. */
async function output(address: string, name: string): Promise<Socket> {
  const socket = connect(address);
  // the worker may close it first, which is the process's business: nothing else here may end of that
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  await new Promise<void>((resolve, reject) =>
    socket.write(`${name}\n`, (error) => (error ? reject(error) : resolve())),
  );
  return socket;
}

process.on('message', (request: SpawnRequest) => {
  start(request).catch((error: unknown) => reply({ id: request.id, error: (error as Error).message }));
});
process.on('disconnect', () => {
  for (const pid of running) killGroup(pid);
  process.exit(0);
});
// a signal to all processes of the service is the worker's business: it has the running commands ended first
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
