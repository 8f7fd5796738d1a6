import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@task-engine/domain';
import { eventually } from '../../../../scripts/local/eventually';
import { testContext } from './execution-context.fixture';
import type { ExecutionContext } from './executor';
import type { Launch } from './process-group';
import { shellExecutor, type ShellOptions } from './shell.executor';

const base = mkdtempSync(join(tmpdir(), 'shell-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** As the worker's process starter does it: the folder too. */
const launch: Launch = async ({ argv: [program, ...rest], cwd, environment }) => {
  mkdirSync(cwd, { recursive: true });
  const child = spawn(program, rest, { cwd, env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  return {
    pid: child.pid!,
    stdout: child.stdout,
    stderr: child.stderr,
    exited: new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal }))),
    closed: new Promise((resolve) => child.once('close', () => resolve())),
  };
};

const begin: ShellOptions['begin'] = () => Promise.resolve({ checkpoint: null, token: 'tet_x' });
let next = 0;

function start(command: string, given: JsonObject = {}, more: Partial<ExecutionContext> = {}, options = {}) {
  const executor = shellExecutor({ launch, apiUrl: 'http://127.0.0.1:1/api', begin, ...options });
  const parameters = { command, timeoutSeconds: 30, checkpoint: false, ...given };
  const context = testContext(join(base, String(++next)), parameters, more);
  return { context, ended: executor.execute(context) };
}

async function fails(command: string, given?: JsonObject): Promise<{ message: string; retryable: boolean }> {
  return (await start(command, given).ended.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => error,
  )) as { message: string; retryable: boolean };
}

/** One that is dead and waits to be reaped is not alive. */
function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

describe('a command line', () => {
  it('runs in the shell; both outputs are logged line by line, what it wrote is its result', async () => {
    const { context, ended } = start('echo one; echo two >&2; sleep 0.1; printf "  three  \\n\\n"');
    expect(await ended).toEqual({ result: 'one\n  three' });
    expect(context.rows).toEqual(['INFO one', 'ERROR two', 'INFO   three  ']);
  });

  it('that writes nothing has a result all the same', async () => {
    expect(await start('echo to nobody >&2').ended).toEqual({ result: 'Task executed successfully' });
  });

  it('has the end of a long output as its result, cut between characters, with nothing that cannot be stored', async () => {
    const { ended } = start(`printf 'x%.0s' $(seq 9000); printf '\\0'; printf '😀%.0s' $(seq 2048)`);
    const { result } = (await ended) as { result: string };
    expect(result).toBe('😀'.repeat(2_048));
    // the 4,096th of its units from the end is the second half of a pair
    const { result: odd } = (await start(`printf 'ab\\0\\n😀%.0s' $(seq 2048); printf cde`).ended) as {
      result: string;
    };
    expect(odd).toHaveLength(4_095);
    expect(odd.isWellFormed()).toBe(true);
    expect(odd).not.toContain('\0');
  });

  it('finds itself in an empty folder of its own that is gone afterwards', async () => {
    const { context, ended } = start('ls -A; touch a; mkdir -p b/c; pwd');
    const { result } = (await ended) as { result: string };
    // not within the job's, which goes at once when the job is cancelled
    expect(result).toBe(`${context.workDir}.${context.executionId}`);
    expect(existsSync(result)).toBe(false);
  });

  it('is done although its folder cannot be removed', async () => {
    // 300 times 20 characters: a longer path than the system takes
    const deep =
      'i=0; while [ $i -lt 300 ]; do mkdir a_name_of_20_letters && cd -P a_name_of_20_letters; i=$((i+1)); done';
    const { context, ended } = start(`${deep}; echo done`);
    expect(await ended).toEqual({ result: 'done' });
    expect(spawnSync('rm', ['-rf', `${context.workDir}.${context.executionId}`]).status).toBe(0);
  });

  it('sees what it is given and none of the environment of the worker', async () => {
    process.env.SHELL_SPEC_SECRET = 'hidden';
    const { ended } = start('env; echo "[$SHELL_SPEC_SECRET]"');
    const { result } = (await ended) as { result: string };
    delete process.env.SHELL_SPEC_SECRET;
    const names = result.split('\n').flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(names).toEqual(expect.arrayContaining(['PATH', 'TASK_ID', 'TASK_API_URL']));
    const known = ['HOME', 'LANG', 'LC_ALL', 'OLDPWD', 'PATH', 'PWD', 'SHLVL', 'TASK_API_URL', 'TASK_ENGINE_RUN'];
    expect(names.filter((name) => ![...known, 'TASK_ID', 'TMPDIR', 'TZ', '_'].includes(name))).toEqual([]);
    expect(result).toContain('TASK_ID=task-1\n');
    expect(result).toContain('\n[]');
  });

  it('with checkpoints gets a token and the last checkpoint as JSON that no shell reads', async () => {
    const checkpoint = { note: `'; touch injected; echo '$(touch injected)"\`touch injected\`\n` };
    const options = { begin: () => Promise.resolve({ checkpoint, token: 'tet_abc' }) };
    const command = 'echo "$TASK_API_TOKEN"; printf "%s" "$CHECKPOINT_DATA"; ls';
    const { ended } = start(command, { checkpoint: true }, {}, options);
    expect(await ended).toEqual({ result: `tet_abc\n${JSON.stringify(checkpoint)}` });
  });

  it('without an earlier checkpoint has no CHECKPOINT_DATA at all, and none that is not asked for has a token', async () => {
    const asks = 'echo "${CHECKPOINT_DATA-unset} ${TASK_API_TOKEN-unset}"';
    expect(await start(asks, { checkpoint: true }).ended).toEqual({ result: 'unset tet_x' });
    expect(await start(asks).ended).toEqual({ result: 'unset unset' });
  });

  it('does not begin when its lease is over', async () => {
    const { ended } = start('touch begun', { checkpoint: true }, {}, { begin: () => Promise.resolve(undefined) });
    await expect(ended).rejects.toThrow('the lease is over');
  });

  it.each([
    ['exit 3', 'exit code 3'],
    ['echo reason >&2; echo the real reason >&2; exit 3', 'exit code 3: the real reason'],
    ['kill -KILL $$', 'killed by SIGKILL'],
    ['no_such_program_at_all', /^exit code 127: .*no_such_program_at_all.*not found$/],
    ['-x', /^exit code 127: .*-x.*not found$/],
  ])('`%s` fails and may be tried again: %s', async (command, message) => {
    const error = await fails(command);
    expect(error).toMatchObject({ retryable: true });
    if (typeof message === 'string') expect(error.message).toBe(message);
    else expect(error.message).toMatch(message);
  });

  it('that no program could be started with says so and is not tried again', async () => {
    expect(await fails(`: ${'x'.repeat(131_072)}`)).toMatchObject({ retryable: false, message: /128 KB/ });
  });

  it('is stopped with all of its group when its time is over', async () => {
    const { context, ended } = start('sleep 30 & echo $!; setsid sleep 30 & echo $!; wait', { timeoutSeconds: 1 });
    await expect(ended).rejects.toThrow('not done within 1 s');
    const pids = context.rows.map((row) => Number(row.replace('INFO ', '')));
    expect(pids).toHaveLength(2);
    expect(pids.filter(alive)).toEqual([]);
  });

  it('that ignores SIGTERM is killed within 10 s of being cancelled, and its group with it', async () => {
    const stop = new AbortController();
    const command = `trap '' TERM; (trap '' TERM; echo $$; while :; do sleep 1; done) & while :; do sleep 1; done`;
    const { context, ended } = start(command, {}, { signal: stop.signal });
    const over = ended.catch((error: unknown) => error);
    await eventually(() => expect(context.rows).toHaveLength(1));
    const at = Date.now();
    stop.abort('stopped');
    expect(await over).toMatchObject({ message: 'execution stopped' });
    expect(Date.now() - at).toBeGreaterThan(5_000);
    expect(Date.now() - at).toBeLessThan(10_000);
    expect(alive(Number(context.rows[0]!.replace('INFO ', '')))).toBe(false);
  }, 20_000);

  it('may do its last things when it is cancelled, and these are logged', async () => {
    const stop = new AbortController();
    const { context, ended } = start(
      `trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done`,
      {},
      {
        signal: stop.signal,
      },
    );
    const over = ended.catch((error: unknown) => error);
    await eventually(() => expect(context.rows).toEqual(['INFO up']));
    stop.abort('stopped');
    expect(await over).toMatchObject({ message: 'execution stopped' });
    // the shell may say that it was told to end
    expect(context.rows.at(-1)).toBe('INFO bye');
  });

  it('is over when its shell is, whatever it leaves behind', async () => {
    const at = Date.now();
    const { context, ended } = start('sleep 30 & echo $!');
    await ended;
    expect(Date.now() - at).toBeLessThan(3_000);
    expect(alive(Number(context.rows[0]!.replace('INFO ', '')))).toBe(false);
  });

  it('is over although something that cannot be found goes on writing', async () => {
    const at = Date.now();
    // another environment: nothing tells whose it is
    const chatter = `env -i PATH="$PATH" setsid sh -c 'echo $$; for n in $(seq 60); do sleep 0.5; echo x; done'`;
    const { context, ended } = start(`${chatter} & sleep 0.3; exit 3`);
    await expect(ended).rejects.toThrow('exit code 3');
    expect(Date.now() - at).toBeLessThan(10_000);
    process.kill(Number(context.rows[0]!.replace('INFO ', '')), 'SIGKILL');
  }, 20_000);

  it('that writes without end fills neither the log nor the memory, and its last lines are read', async () => {
    const { context, ended } = start('seq 200000; seq 200000 >&2; echo last; echo worst >&2; exit 1');
    await expect(ended).rejects.toThrow('exit code 1: worst');
    expect(context.rows.length).toBeLessThan(4_100);
    expect(context.rows.filter((row) => row.includes('the rest is not logged'))).toHaveLength(2);
  });
});
