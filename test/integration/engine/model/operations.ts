import { Random } from '../../../chaos/random';
import type { ModelJob, ReferenceEngine } from './reference-engine';

export const CLIENTS = ['demo-client', 'other-client'] as const;

export type ClientName = (typeof CLIENTS)[number];

/** One operation, complete in itself: jobs by the number of their submission, executions by their number within the job. */
export type Operation =
  | {
      kind: 'submit';
      client: ClientName;
      /** Tasks, one after the other. */
      steps: number;
      priority: number;
      later: boolean;
      semaphore: boolean;
      endpoint: boolean;
    }
  | { kind: 'admit' | 'release_due' | 'explain' }
  | { kind: 'advance' | 'claim' | 'rerun' | 'make_due'; job: number; client: ClientName }
  | { kind: 'update'; job: number; client: ClientName; changes: Changes }
  /** Asks the job's semaphore, which answers so. */
  | { kind: 'probe'; job: number; open: boolean }
  | { kind: 'ripen' | 'expire'; job: number; execution: number }
  /** With the token of the lease, or with another one. */
  | { kind: 'heartbeat'; job: number; execution: number; stale: boolean }
  | {
      kind: 'report';
      job: number;
      execution: number;
      stale: boolean;
      outcome: 'succeeded' | 'failed' | 'final' | 'released';
    }
  | { kind: 'setting'; name: keyof typeof SETTINGS; value: number }
  | { kind: 'rank'; job: number; topOfQueue: boolean; position: number }
  | { kind: 'cap'; client: ClientName; value: number | null }
  | { kind: 'pause_lane'; paused: boolean };

export interface Changes {
  priority?: number;
  /** True: in an hour. False: now. */
  later?: boolean;
  /** True: a new one. False: none. */
  semaphore?: boolean;
  state?: 'paused' | 'queued' | 'broken';
}

/** Lowest and highest value that is tried. A retry delay is none or an hour: time stands still in this test but for `ripen`. */
export const SETTINGS = {
  max_jobs: [1, 8],
  priority_slots: [0, 4],
  priority_threshold: [1, 8],
  retry_limit: [0, 2],
  retry_delay: [0, 3_600],
} as const;

const WEIGHTS = {
  submit: 14,
  admit: 9,
  claim: 19,
  report: 19,
  advance: 4,
  heartbeat: 2,
  expire: 4,
  ripen: 3,
  update: 10,
  rerun: 2,
  release_due: 3,
  make_due: 3,
  probe: 3,
  explain: 1,
  setting: 3,
  rank: 2,
  cap: 1,
  pause_lane: 1,
} satisfies Record<Operation['kind'], number>;

/** The next operation: mostly one that can do something now, sometimes one that must be refused. */
export function nextOperation(random: Random, model: ReferenceEngine): Operation {
  const kind = model.jobs.length === 0 ? 'submit' : random.weighted(WEIGHTS);
  const client = random.chance(0.8) ? CLIENTS[0] : CLIENTS[1];
  switch (kind) {
    case 'submit':
      return {
        kind,
        client,
        steps: random.pick([1, 1, 1, 2, 3]),
        priority: random.pick([1, 3, 5, 6, 8, 10]),
        later: random.chance(0.15),
        semaphore: random.chance(0.1),
        endpoint: random.chance(0.3),
      };
    case 'admit':
    case 'release_due':
    case 'explain':
      return { kind };
    case 'advance':
      return ofJob(random, model, kind, (job) => job.state === 'started');
    case 'make_due':
      return ofJob(random, model, kind, (job) => !job.due);
    case 'rerun':
      return ofJob(random, model, kind, () => true);
    case 'update':
      return { ...ofJob(random, model, 'advance', (job) => job.isOpen), kind, changes: changes(random) };
    case 'probe': {
      const { job } = ofJob(random, model, 'advance', ({ state, semaphore }) => state === 'scheduled' && semaphore);
      return { kind, job, open: random.chance(0.6) };
    }
    case 'claim':
      return ofJob(random, model, kind, (job) => job.executions.some(({ state, due }) => state === 'queued' && due));
    case 'ripen':
      return { kind, ...execution(random, model, 'queued') };
    case 'expire':
      return { kind, ...execution(random, model, 'running') };
    case 'heartbeat':
      return { kind, ...execution(random, model, 'running'), stale: random.chance(0.3) };
    case 'report': {
      const outcome = random.weighted({ succeeded: 12, failed: 4, final: 1, released: 1 });
      return { kind, ...execution(random, model, 'running'), stale: random.chance(0.1), outcome };
    }
    case 'setting': {
      const name = random.pick(Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]);
      const [least, most] = SETTINGS[name];
      return { kind, name, value: name === 'retry_delay' ? random.pick([least, most]) : random.integer(least, most) };
    }
    case 'rank': {
      const { job } = ofJob(random, model, 'advance', ({ state }) => state === 'queued');
      return { kind, job, topOfQueue: random.chance(0.4), position: random.integer(1, 3) };
    }
    case 'cap':
      return { kind, client, value: random.chance(0.4) ? null : random.integer(0, 3) };
    case 'pause_lane':
      // mostly open, or little happens
      return { kind, paused: random.chance(0.2) };
  }
}

function changes(random: Random): Changes {
  const wanted: Changes = {
    ...(random.chance(0.2) && { priority: random.pick([1, 3, 5, 6, 8, 10]) }),
    ...(random.chance(0.2) && { later: random.chance(0.5) }),
    ...(random.chance(0.1) && { semaphore: random.chance(0.6) }),
  };
  if (Object.keys(wanted).length > 0 && random.chance(0.8)) return wanted;
  return { ...wanted, state: random.weighted({ paused: 4, queued: 5, broken: 2 }) };
}

/** Mostly one of those that suit and of its own client, else any. */
function ofJob<Kind extends 'advance' | 'claim' | 'rerun' | 'make_due'>(
  random: Random,
  model: ReferenceEngine,
  kind: Kind,
  suits: (job: ModelJob) => boolean,
): { kind: Kind; job: number; client: ClientName } {
  const open = model.jobs.filter((job) => job.isOpen && suits(job));
  const job = open.length > 0 && random.chance(0.9) ? random.pick(open) : random.pick(model.jobs);
  const client = random.chance(0.95) ? job.client : CLIENTS.find((name) => name !== job.client)!;
  return { kind, job: job.number, client };
}

/** Mostly one in that state (a queued one: whose delay is not over), of a job that is started; else any that there is. */
function execution(
  random: Random,
  model: ReferenceEngine,
  state: 'queued' | 'running',
): { job: number; execution: number } {
  const all = model.jobs.filter((job) => job.executions.length > 0);
  const live = all.filter(
    (job) => job.isOpen && job.executions.some((each) => each.state === state && (state === 'running' || !each.due)),
  );
  const started = live.filter((job) => job.state === 'started');
  const among = started.length > 0 && random.chance(0.9) ? started : live.length > 0 && random.chance(0.9) ? live : all;
  if (among.length === 0) return { job: random.pick(model.jobs).number, execution: 0 };
  const job = random.pick(among);
  const suiting = job.executions.filter((each) => each.state === state);
  const chosen = suiting.length > 0 && random.chance(0.97) ? random.pick(suiting) : random.pick(job.executions);
  return { job: job.number, execution: job.executions.indexOf(chosen) };
}
