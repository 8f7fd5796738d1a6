import { readFileSync, writeFileSync } from 'node:fs';
import { BenchEngine } from './engine/bench-engine';
import type { Benchmark, Figures, Scale, Side } from './harness/benchmark';
import type { Turn } from './harness/turn';
import type { LineServer } from './peers/line-server.process';
import type { LineFollowers } from './load/line-followers.process';

/** Characters of a line, its end included. */
const LINE_BYTES = 130;
const MEGABYTE = 1024 * 1024;
/** Followers of the second part; one of them reads nothing. */
const MANY = 20;

/** P7: how fast the output of a command reaches those who follow it. */
export function liveOutput(scale: Scale): Benchmark {
  const lines = scale.of(100_000, 5_000);

  /** A short output fits into the buffers on the way: nobody is slow. */
  const slow = scale.of(1, 0);

  const followed = async (turn: Turn, followers: number, slow: number): Promise<Figures> => {
    const engine = await BenchEngine.start(turn, { env: { FASTLANE_EXECUTOR: 'host' } });
    const worker = engine.suite.members.find(({ app }) => app === 'task-worker')!;
    const peers = turn.spawn<LineFollowers>('followers', 'load/line-followers.process');
    // begins when the file is there, so that everybody follows from its first line
    const gate = turn.at('gate');
    const program = turn.at('writer.cjs');
    writeFileSync(program, writer(gate, lines));
    const answer = await fetch(`${engine.url}/tasks/bench/`, {
      method: 'POST',
      body: JSON.stringify({ image: 'none', command: `${process.execPath} ${program}` }),
    });
    const { jobUrl } = (await answer.json()) as { jobUrl: string };
    await peers.call('follow', { url: `${jobUrl.replace(/^http/, 'ws')}ws/`, followers, slow });
    const idle = memoryOf(worker.pid!);
    let most = idle;
    const watch = setInterval(() => (most = Math.max(most, memoryOf(worker.pid!))), 100);
    const { seconds, dropped } = await turn.window(() => {
      writeFileSync(gate, '');
      return peers.call('read', { bytes: lines * LINE_BYTES });
    });
    clearInterval(watch);
    if (dropped !== slow) throw new Error(`${dropped} followers were dropped, ${slow} are slow`);
    return { 'lines/s': lines / seconds, 'worker MB more': (most - idle) / MEGABYTE };
  };

  const one: Side = {
    name: 'one follower',
    setup: `the five apps, host executor; one command writes ${lines} lines of ${LINE_BYTES} bytes, one follower over WebSocket. Clock: from its first line until the follower has the last`,
    run: async (turn) => ({
      figures: await followed(turn, 1, 0),
      checked: `checked: every byte, in order`,
    }),
  };
  const many: Side = {
    name: 'twenty followers',
    setup: `the same, with ${MANY} followers of whom one reads nothing. Clock: until the slowest of the others has the last line`,
    run: async (turn) => ({
      figures: await followed(turn, MANY, slow),
      checked: `checked: every byte, in order, ${MANY - 1} times; the one that reads nothing was dropped`,
    }),
  };
  const floor: Side = {
    name: 'bare loop',
    setup: `a \`ws\` server that sends ${lines} lines one by one, one follower`,
    async run(turn) {
      const server = turn.spawn<LineServer>('line server', 'peers/line-server.process');
      const url = await server.call('listen', { lines, bytes: LINE_BYTES });
      const peers = turn.spawn<LineFollowers>('followers', 'load/line-followers.process');
      await peers.call('follow', { url, followers: 1, slow: 0 });
      const { seconds } = await turn.window(async () => {
        const reading = peers.call('read', { bytes: lines * LINE_BYTES });
        await server.call('send');
        return reading;
      });
      return { figures: { 'lines/s': lines / seconds }, checked: 'checked: every byte, in order' };
    },
  };

  const against = { figure: 'lines/s', against: floor.name, better: 'higher', must: 0.15, aim: 0.3 } as const;
  return {
    id: 'P7',
    title: `One execution writes ${lines} lines of ${LINE_BYTES} bytes, followed while it runs`,
    sides: [one, floor, many],
    bars: [
      { name: 'one follower', of: one.name, ...against },
      { name: 'twenty followers, one of them slow', of: many.name, ...against },
      { name: 'memory of the worker, MB more', figure: 'worker MB more', of: many.name, better: 'lower', must: 64 },
    ],
  };
}

/** A program that writes numbered lines as fast as they are taken, once the file `gate` is there. */
function writer(gate: string, lines: number): string {
  return `
    const { existsSync } = require('node:fs');
    let n = 0;
    const more = () => {
      while (n < ${lines})
        if (!process.stdout.write((n++ + ' ').padEnd(${LINE_BYTES - 1}, 'x') + '\\n')) return process.stdout.once('drain', more);
    };
    const gate = setInterval(() => {
      if (!existsSync(${JSON.stringify(gate)})) return;
      clearInterval(gate);
      more();
    }, 20);
  `;
}

/** Bytes of a process that are in memory. */
function memoryOf(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
