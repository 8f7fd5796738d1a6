import { spawn, type ChildProcess } from 'node:child_process';

/**
 * A shell in a session of its own that reads the children's numbers from a pipe. The pipe closes however this process ends,
 * SIGKILL included; then the shell ends every child that is still listed: its stop signal, ten seconds, SIGKILL.
 * (PR_SET_PDEATHSIG would do without a shell, but only on Linux and not across a change of user.)
 */
const SCRIPT = `
children=
while read -r verb pid signal; do
  case $verb in
    add) children="$children $pid:$signal" ;;
    remove)
      rest=
      for child in $children; do [ "\${child%%:*}" = "$pid" ] || rest="$rest $child"; done
      children=$rest ;;
  esac
done
for child in $children; do kill -s "\${child##*:}" "\${child%%:*}" 2>/dev/null; done
tries=0
while [ $tries -lt 100 ]; do
  rest=
  for child in $children; do kill -0 "\${child%%:*}" 2>/dev/null && rest="$rest $child"; done
  children=$rest
  [ -n "$children" ] || exit 0
  tries=$((tries + 1))
  sleep 0.1
done
for child in $children; do kill -s KILL "\${child%%:*}" 2>/dev/null; done
`;

/** Ends this process's servers and apps when this process dies without having done so itself. */
export class Watchdog {
  private readonly children = new Map<number, NodeJS.Signals>();
  private shell?: ChildProcess;
  private closed = false;

  /** The number of the shell; undefined before the first child. */
  get pid(): number | undefined {
    return this.shell?.pid;
  }

  /** From now on the child dies with this process, by `stopSignal` first. */
  add(pid: number, stopSignal: NodeJS.Signals): void {
    this.children.set(pid, stopSignal);
    if (this.shell) this.tell('add', pid, stopSignal);
    else this.open();
  }

  /** The child has ended: its number may soon belong to somebody else. */
  remove(pid: number): void {
    if (this.children.delete(pid)) this.tell('remove', pid, 'TERM');
  }

  /** Ends the shell, and with it whatever child is still listed. */
  close(): void {
    this.closed = true;
    this.shell?.stdin?.end();
    this.shell = undefined;
  }

  private open(): void {
    this.closed = false;
    const shell = spawn('sh', ['-c', SCRIPT], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    shell.stdin.on('error', () => undefined);
    shell.on('error', () => undefined);
    shell.on('exit', () => {
      if (this.closed || this.shell !== shell) return;
      this.shell = undefined;
      if (this.children.size > 0) this.open();
    });
    // Neither the shell nor its pipe may keep this process from ending.
    shell.unref();
    (shell.stdin as unknown as { unref?: () => void }).unref?.();
    this.shell = shell;
    for (const [pid, signal] of this.children) this.tell('add', pid, signal);
  }

  private tell(verb: 'add' | 'remove', pid: number, signal: string): void {
    this.shell?.stdin?.write(`${verb} ${pid} ${signal.replace(/^SIG/, '')}\n`);
  }
}
