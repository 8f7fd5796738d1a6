import { once } from 'node:events';
import WebSocket from 'ws';
import { LocalError } from '../local/local-error';
import type { Checks } from './checks';
import type { DemoServer } from './demo-server';
import type { EngineClient } from './engine-client';
import type { Screen } from './screen';

export interface CommandsDemo {
  /** Of the gateway. */
  url: string;
  engine: EngineClient;
  server: DemoServer;
  screen: Screen;
  checks: Checks;
}

interface Enqueued {
  jobId: string;
  jobUrl: string;
  executionId: string | null;
}

interface Execution {
  executionId: string;
  status: string;
  exitCode: number | null;
  log: string | null;
}

const TASK = 'demo';
/** Milliseconds that a command of the demo may take, its wait included. */
const PATIENCE = 30_000;
const COUNT = `for n in 1 2 3 4; do echo "line $n"; sleep 0.4; done; echo "that was all" >&2`;

/** The fastlane API: a command whose output is followed while it runs, its webhook, and a cron job. */
export async function commandsDemo(demo: CommandsDemo): Promise<void> {
  const { url, screen } = demo;
  const { fastlane } = (await call(`${url}/status/`)) as { fastlane: { executor: string } };
  screen.line(`  GET /status/  commands run with ${fastlane.executor}`);
  await liveOutput(demo);
  await cronJob(demo);
}

async function liveOutput({ url, engine, server, screen, checks }: CommandsDemo): Promise<void> {
  const hook = server.url('/webhook');
  const job = await submit(url, { command: `sh -c '${COUNT}'`, webhooks: { succeeds: [{ url: hook }] } });
  screen.line(`  POST /tasks/${TASK}/  a command that counts; following ${new URL(job.jobUrl).pathname}ws/`);
  const socket = await followed(job, engine);
  const arrivals: number[] = [];
  let text = '';
  socket.on('message', (data: Buffer) => {
    arrivals.push(Date.now());
    text += data.toString();
    for (const line of data.toString().trimEnd().split('\n')) screen.line(`    ${line}`);
  });
  await once(socket, 'close');
  const seconds = ((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)) / 1000;
  const whole = ['line 1', 'line 2', 'line 3', 'line 4', 'that was all'].every((line) => text.includes(line));
  checks.that(whole && seconds > 0.5, `5 lines came while it ran, over ${seconds.toFixed(1)} s`);
  const body = await engine.until('its webhook', PATIENCE, () => server.webhook(job.jobId));
  checks.that(
    body.status === 'done' && body.exitCode === 0,
    `webhook: status ${body.status}, exitCode ${body.exitCode}`,
  );
}

/** Opens the live log; a command that has not begun says "try again". */
async function followed({ jobUrl }: Enqueued, engine: EngineClient): Promise<WebSocket> {
  return engine.until('the start of the command', PATIENCE, async () => {
    const [execution] = await executionsOf(jobUrl);
    if (execution?.status === 'enqueued' || execution?.status === 'pulling') return undefined;
    return new WebSocket(`${jobUrl.replace(/^http/, 'ws')}ws/`);
  });
}

async function cronJob({ url, engine, screen, checks }: CommandsDemo): Promise<void> {
  const job = await submit(url, { command: 'date -u +%S', cron: '* * * * * */2' });
  screen.line(`  POST /tasks/${TASK}/  cron "* * * * * */2": every other second`);
  const fired = await engine.until('two firings', PATIENCE, async () => {
    const done = (await executionsOf(job.jobUrl)).filter(({ status }) => status === 'done');
    return done.length >= 2 ? done : undefined;
  });
  await call(`${job.jobUrl}stop/`, { method: 'POST' });
  const seconds = fired.map(({ log }) => Number(log)).reverse();
  const apart = seconds.slice(1).every((second, n) => (second - seconds[n]! + 60) % 60 === 2);
  checks.that(apart, `fired at second ${seconds.join(', ')} of the minute; then stopped`);
}

function submit(url: string, payload: object): Promise<Enqueued> {
  // without an engine for containers the command runs as it stands, and the image is only noted
  const body = JSON.stringify({ image: 'busybox', ...payload });
  return call(`${url}/tasks/${TASK}/`, { method: 'POST', body }) as Promise<Enqueued>;
}

async function executionsOf(jobUrl: string): Promise<Execution[]> {
  return ((await call(jobUrl)) as { job: { executions: Execution[] } }).job.executions;
}

async function call(url: string, init?: RequestInit): Promise<unknown> {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  const text = await answer.text();
  if (!answer.ok)
    throw new LocalError(`${init?.method ?? 'GET'} ${new URL(url).pathname} answered ${answer.status}: ${text}`);
  return JSON.parse(text) as unknown;
}
