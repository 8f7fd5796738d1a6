import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineSplitter, MAX_LINE_BYTES, MAX_LOG_LENGTH, limitLines } from './line-splitter';
import { ProgramNotFound, runProcess, startProcess } from './process-group';

const cwd = mkdtempSync(join(tmpdir(), 'process-group-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const idle = () => new AbortController().signal;

/** One that is dead and waits to be reaped is not alive. */
function alive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean, milliseconds = 8_000): Promise<void> {
  const deadline = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('condition not met in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('process group', () => {
  it('streams both outputs as lines and reports the exit code', async () => {
    const out: string[] = [];
    const err: string[] = [];
    const result = await runProcess({
      argv: ['sh', '-c', 'echo one; echo two >&2; printf three; exit 3'],
      cwd,
      signal: idle(),
      keepStdoutBytes: 5,
      onStdoutLine: (line) => out.push(line),
      onStderrLine: (line) => err.push(line),
    });
    expect(result).toMatchObject({ exitCode: 3, stopped: null, stdoutTruncated: true });
    expect(result.stdout.toString()).toBe('one\nt');
    expect(out).toEqual(['one', 'three']);
    expect(err).toEqual(['two']);
  });

  it('passes arguments without a shell and only the allow-listed environment', async () => {
    process.env.PROCESS_GROUP_SECRET = 'hidden';
    const result = await runProcess({
      argv: ['sh', '-c', 'echo "$0|$1|$PROCESS_GROUP_SECRET|$GIVEN"', '$(id)', '; rm -rf x'],
      cwd,
      environment: { GIVEN: 'yes' },
      signal: idle(),
      keepStdoutBytes: 1000,
    });
    delete process.env.PROCESS_GROUP_SECRET;
    expect(result.stdout.toString().trim()).toBe('$(id)|; rm -rf x||yes');
  });

  it('names a program that is not there', async () => {
    await expect(runProcess({ argv: ['no-such-program'], cwd, signal: idle() })).rejects.toThrow(ProgramNotFound);
  });

  it('signals nobody after its end: the number of its group may be another one by then', async () => {
    const process_ = await startProcess({ argv: ['true'], cwd });
    await process_.ended;
    const kill = jest.spyOn(process, 'kill');
    process_.stop(0);
    expect(kill).not.toHaveBeenCalled();
    kill.mockRestore();
  });

  it('kills a program and its forked children that ignore SIGTERM, 5 s after the time limit', async () => {
    const pids: number[] = [];
    const started = Date.now();
    const result = await runProcess({
      argv: [
        'sh',
        '-c',
        "trap '' TERM; (trap '' TERM; while :; do sleep 0.2; done) & echo $!; echo $$; while :; do sleep 0.2; done",
      ],
      cwd,
      timeLimitSeconds: 0.3,
      signal: idle(),
      onStdoutLine: (line) => pids.push(Number(line)),
    });
    expect(result).toMatchObject({ exitCode: null, exitSignal: 'SIGKILL', stopped: 'time_limit' });
    expect(Date.now() - started).toBeGreaterThan(5_000);
    expect(pids).toHaveLength(2);
    await eventually(() => pids.every((pid) => !alive(pid)));
  }, 15_000);

  it('stops on abort at once when the program obeys, its children too', async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const started = Date.now();
    const result = await runProcess({
      argv: ['sh', '-c', 'sleep 60 & echo $!; wait'],
      cwd,
      signal: controller.signal,
      onStdoutLine: (line) => {
        pids.push(Number(line));
        controller.abort();
      },
    });
    expect(result.stopped).toBe('aborted');
    // Less than the kill: a child that obeyed may stay a zombie until init looks at it.
    expect(Date.now() - started).toBeLessThan(4_500);
    await eventually(() => pids.every((pid) => !alive(pid)));
  });

  it('kills what a program leaves running in its group when it exits', async () => {
    const pids: number[] = [];
    const result = await runProcess({
      argv: ['sh', '-c', 'sleep 60 & echo $!; exit 0'],
      cwd,
      signal: idle(),
      onStdoutLine: (line) => pids.push(Number(line)),
    });
    expect(result).toMatchObject({ exitCode: 0, stopped: null });
    await eventually(() => pids.every((pid) => !alive(pid)));
  });

  // after so many processes the list of all is read, and not one number after the other
  it.each(['sleep 30', 'true', 'for n in $(seq 150); do /bin/true; done'])(
    'kills what has made itself a session of its own, whether stopped or not (%s)',
    async (rest) => {
      const stop = new AbortController();
      let stray = 0;
      const running = runProcess({
        argv: ['sh', '-c', `setsid sh -c 'echo $$; exec sleep 30' & sleep 0.3; ${rest}`],
        cwd,
        signal: stop.signal,
        onStdoutLine: (line) => {
          stray = Number(line);
          return true;
        },
      });
      await eventually(() => stray > 0);
      expect(alive(stray)).toBe(true);
      if (rest === 'sleep 30') stop.abort();
      await running;
      await eventually(() => !alive(stray), 1_000);
    },
  );

  it('starts nothing for a signal that has fired', async () => {
    const controller = new AbortController();
    controller.abort();
    expect((await runProcess({ argv: ['no-such-program'], cwd, signal: controller.signal })).stopped).toBe('aborted');
  });
});

describe('line splitter', () => {
  it('bounds an endless line, keeps the next one and replaces what text cannot hold', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (let index = 0; index < 10; index += 1) splitter.write(Buffer.alloc(10_000, 97));
    splitter.write(Buffer.from([10, 0, 0xff, 98, 13, 10, 10, 99]));
    splitter.end();
    expect(lines).toEqual([`${'a'.repeat(MAX_LINE_BYTES)} [line cut at 16384 bytes]`, '\uFFFD\uFFFDb', 'c']);
  });

  it('caps the rows with one marker line', () => {
    const lines: string[] = [];
    const write = limitLines((line) => lines.push(line), 2);
    expect(['a', 'b', 'c', 'd'].map((line) => write(line))).toEqual([true, true, false, false]);
    expect(lines).toEqual(['a', 'b', 'output limited to 2 lines; the rest is not logged']);
  });

  it('caps the length of all rows', () => {
    const lines: string[] = [];
    const write = limitLines((line) => lines.push(line));
    while (write('x'.repeat(MAX_LINE_BYTES)));
    expect(lines).toHaveLength(MAX_LOG_LENGTH / MAX_LINE_BYTES + 1);
    expect(lines.at(-1)).toBe('output limited to 256 lines; the rest is not logged');
  });

  it('passes on nothing but the last line once no more are wanted, whichever way the bytes come', () => {
    const text = Buffer.from(`one\ntwo\n${'y\n'.repeat(5_000)}the\nreason\n`);
    for (const size of [1, 7, 20_000, text.length]) {
      const lines: string[] = [];
      const splitter = new LineSplitter((line) => lines.push(line) < 2);
      for (let from = 0; from < text.length; from += size) splitter.write(text.subarray(from, from + size));
      splitter.end();
      expect(lines).toEqual(['one', 'two', 'reason']);
    }
  });

  it('does not cut lines that nobody wants', () => {
    const chunk = Buffer.from('y\n'.repeat(32 * 1024));
    const unwanted = new LineSplitter(() => false);
    const began = performance.now();
    // 256 MB: cut into lines they take half a minute
    for (let n = 0; n < 4_096; n += 1) unwanted.write(chunk);
    unwanted.end();
    expect(performance.now() - began).toBeLessThan(5_000);
  });
});
