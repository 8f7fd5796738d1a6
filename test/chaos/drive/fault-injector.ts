import { createConnection } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { AppProcess } from '../../../scripts/local/app-process';
import type { LocalSuite } from '../../../scripts/local/local-suite';
import type { History } from '../history';
import { RECORDER, type Recorder } from '../recorder';
import { describeFault, type Fault, type PlannedFault } from './fault-plan';

/** Does to a suite what a fault plan says, and undoes at the end what does not end by itself. */
export class FaultInjector {
  readonly done: History['faults'] = [];
  private readonly frozen = new Map<AppProcess, number>();
  private readonly lasting: Promise<unknown>[] = [];

  constructor(
    private readonly suite: LocalSuite,
    private readonly recorder: Recorder,
  ) {}

  /** Until the plan or the time is over. */
  async run(plan: PlannedFault[], until: AbortSignal): Promise<void> {
    const began = Date.now();
    for (const { atMs, fault } of plan) {
      await delay(Math.max(0, began + atMs - Date.now()), undefined, { signal: until }).catch(() => undefined);
      if (until.aborted) return;
      this.done.push({ at: Date.now(), text: describeFault(fault) });
      // what lasts goes on beside the next fault
      this.lasting.push(this.inject(fault).catch((error: unknown) => this.failed(fault, error)));
    }
  }

  /** Ends all faults: every process runs, or is being started again. */
  async end(): Promise<void> {
    for (const member of this.frozen.keys()) this.thaw(member);
    await Promise.all(this.lasting);
  }

  private async inject(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'kill':
        return this.suite.kill(fault.app, fault.replica);
      case 'terminate':
        return this.suite.restart(fault.app, fault.replica);
      case 'freeze':
        return this.freeze(this.member(fault.app, fault.replica), fault.forMs);
      case 'flush_redis':
        return flushAll(this.suite.redisUrl);
      case 'kill_redis':
        return this.suite.servers.redis!.process.kill();
      case 'cut_connections':
        await this.recorder.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name <> $1 AND pid <> pg_backend_pid()`,
          [RECORDER],
        );
        return;
      case 'kill_postgres':
        return this.suite.servers.postgres!.process.kill();
      case 'restart_postgres':
        return this.suite.servers.postgres!.process.kill('SIGINT');
    }
  }

  private member(app: string, replica: number): AppProcess {
    return this.suite.members.find((member) => member.app === app && member.replica === replica)!;
  }

  private async freeze(member: AppProcess, forMs: number): Promise<void> {
    const { pid } = member;
    if (pid === undefined || this.frozen.has(member)) return;
    this.frozen.set(member, pid);
    process.kill(pid, 'SIGSTOP');
    const deadline = Date.now() + forMs;
    while (Date.now() < deadline && this.frozen.has(member)) await delay(20);
    this.thaw(member);
  }

  private thaw(member: AppProcess): void {
    const pid = this.frozen.get(member);
    this.frozen.delete(member);
    // it may have been killed meanwhile, and another one be running in its place
    if (pid !== undefined && member.pid === pid) process.kill(pid, 'SIGCONT');
  }

  private failed(fault: Fault, error: unknown): void {
    this.done.push({ at: Date.now(), text: `${describeFault(fault)} could not be done: ${String(error)}` });
  }
}

async function flushAll(url: string): Promise<void> {
  const { hostname, port, password } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.setTimeout(2_000, () => socket.destroy(new Error('Redis does not answer')));
  socket.write(`AUTH ${password}\r\nFLUSHALL\r\nQUIT\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  if (!answer.startsWith('+OK\r\n+OK')) throw new Error(`Redis answered ${answer}`);
}
