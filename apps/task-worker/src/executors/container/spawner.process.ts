import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { SpawnReply, SpawnRequest } from './spawner';

/**
 * Starts processes for a worker. The system copies the page tables of who forks, and so takes some milliseconds for a worker and a fraction of
 * that for this process. Outputs do not come through here: each is a connection to the worker that the process inherits. Ends with the
 * worker, and with it all that it has started (`--pdeathsig`).
 */
const reply = (message: SpawnReply) => process.send?.(message);

async function start({ id, address, argv: [program = '', ...rest], cwd, environment }: SpawnRequest): Promise<void> {
  const outputs = await Promise.all([output(address, `${id} stdout`), output(address, `${id} stderr`)]);
  const child = spawn(program, rest, { cwd, env: environment, detached: true, stdio: ['ignore', ...outputs] });
  child.once('error', (error) => reply({ id, error: error.message }));
  child.once('exit', (code, signal) => reply({ id, code, signal }));
  if (child.pid !== undefined) reply({ id, pid: child.pid });
  // the process has them now
  for (const socket of outputs) socket.destroy();
}

/** A connection to the worker, which is told whose output it is. */
async function output(address: string, name: string): Promise<Socket> {
  const socket = connect(address);
  await once(socket, 'connect');
  await new Promise<void>((resolve, reject) =>
    socket.write(`${name}\n`, (error) => (error ? reject(error) : resolve())),
  );
  return socket;
}

process.on('message', (request: SpawnRequest) => {
  start(request).catch((error: unknown) => reply({ id: request.id, error: (error as Error).message }));
});
process.on('disconnect', () => process.exit(0));
// a signal to the worker's group is the worker's business: it has the running commands ended first
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => undefined);
