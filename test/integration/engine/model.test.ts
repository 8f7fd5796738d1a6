import { randomInt } from 'node:crypto';
import { Random } from '../../chaos/random';
import { TestEngine } from '../../support/start-engine';
import { type ClientName, nextOperation, type Operation } from './model/operations';
import { type JobPicture, RealEngine } from './model/real-engine';
import { type ModelJob, ReferenceEngine } from './model/reference-engine';

const OPERATIONS = Number(process.env.MODEL_OPERATIONS ?? 10_000);
/** Replays the same operations; without it each run has others. */
const SEED = Number(process.env.MODEL_SEED ?? randomInt(1, 1_000_000));
/** After so many operations all open jobs are compared, not only those that the last one concerned. */
const ALL_EVERY = 100;
/** Milliseconds that may be spent on finding a shorter way to a contradiction. */
const SHRINKING = 60_000;
/** Operations that a report shows at most, the last ones. */
const SHOWN = 80;

describe(`the engine's verbs on PostgreSQL, MODEL_SEED=${SEED}`, () => {
  let engine: TestEngine;

  beforeAll(async () => {
    engine = await TestEngine.start();
  });

  afterAll(() => engine?.stop());

  it(`do what the reference engine in memory does, ${OPERATIONS} random operations long`, async () => {
    const random = new Random(SEED);
    const done: Operation[] = [];
    const counts: Record<string, number> = {};
    const contradiction = await compare(engine, (model) => {
      if (done.length >= OPERATIONS) return undefined;
      const operation = nextOperation(random, model);
      counts[operation.kind] = (counts[operation.kind] ?? 0) + 1;
      done.push(operation);
      return operation;
    });
    if (contradiction) {
      const { operations, found } = await shrink(engine, done, contradiction);
      const lines = operations.slice(-SHOWN).map((operation) => `  ${JSON.stringify(operation)}`);
      throw new Error(
        [
          `MODEL_SEED=${SEED}: contradiction after ${done.length} operations, found again with ${operations.length}:`,
          ...(operations.length > SHOWN ? ['  ...'] : []),
          ...lines,
          found,
        ].join('\n'),
      );
    }
    expect(done).toHaveLength(OPERATIONS);
    // every kind of operation had its part
    expect(Object.values(counts).every((count) => count > OPERATIONS / 300)).toBe(true);
  }, 900_000);
});

/** Tells both engines the same operations until one does not come; answers the first contradiction. */
async function compare(
  engine: TestEngine,
  next: (model: ReferenceEngine) => Operation | undefined,
): Promise<string | undefined> {
  const model = new ReferenceEngine();
  const real = new RealEngine(engine);
  await real.reset();
  for (let n = 1; ; n += 1) {
    const operation = next(model);
    const known = new Map(model.jobs.map((job) => [job.number, job.state]));
    if (operation) {
      const expected = model.apply(operation);
      const answer = await real.apply(operation);
      // of a job that could start at once any reason may be left from before
      const asked = operation.kind === 'explain' ? pickKeys(answer, expected) : answer;
      const difference = differenceOf('answer', expected, asked);
      if (difference) return `${JSON.stringify(operation)}: ${difference}`;
    }
    // the job that is named, and every one whose state has changed; now and then all that are open
    const concerned = model.jobs.filter(
      (job) =>
        (operation && 'job' in operation && operation.job === job.number) ||
        known.get(job.number) !== job.state ||
        !operation ||
        (n % ALL_EVERY === 0 && job.isOpen),
    );
    const pictures = await real.pictures(concerned.map((job) => job.number));
    for (const job of concerned) {
      const difference = differenceOf(`job ${job.number}`, picture(job), pictures.get(job.number));
      if (difference) return `after ${JSON.stringify(operation)}: ${difference}`;
    }
    if (!operation) return undefined;
  }
}

function picture(job: ModelJob): JobPicture {
  return {
    path: job.path,
    priority: job.priority,
    position: job.position,
    topOfQueue: job.topOfQueue,
    rerunOf: job.rerunOf,
    tasks: job.tasks.map(({ state, tries, lostLeases }) => `${state}, tries ${tries}, lost ${lostLeases}`),
    executions: job.executions.map(({ state, task, cause }) => `${state} of ${job.tasks.indexOf(task)}, ${cause}`),
    told: job.told,
  };
}

function differenceOf(what: string, expected: unknown, answer: unknown): string | undefined {
  try {
    expect(answer).toEqual(expected);
    return undefined;
  } catch {
    return `${what} must be ${JSON.stringify(expected)}, is ${JSON.stringify(answer)}`;
  }
}

/** The part of an object that has the other one's keys. */
function pickKeys(object: unknown, other: unknown): unknown {
  const keys = Object.keys(other as object);
  return Object.fromEntries(Object.entries(object as object).filter(([key]) => keys.includes(key)));
}

/** Leaves out ever smaller parts of the operations as long as what is left still leads to a contradiction. */
async function shrink(
  engine: TestEngine,
  done: Operation[],
  contradiction: string,
): Promise<{ operations: Operation[]; found: string }> {
  const deadline = Date.now() + SHRINKING;
  let shortest = { operations: done, found: contradiction };
  for (let size = Math.ceil(done.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < shortest.operations.length && Date.now() < deadline;) {
      const operations = renumber(shortest.operations, (n) => n < from || n >= from + size);
      const found = await replay(engine, operations);
      if (found) shortest = { operations, found };
      else from += size;
    }
  }
  return shortest;
}

/** The operations that are kept, with the numbers that their jobs have when the others are left out; what names such a job goes too. */
function renumber(operations: Operation[], isKept: (n: number) => boolean): Operation[] {
  const numbers = new Map<number, number>();
  const clients: ClientName[] = [];
  let made = 0;
  return operations.flatMap((operation, n) => {
    const job = 'job' in operation ? numbers.get(operation.job) : undefined;
    const kept = isKept(n) && !('job' in operation && job === undefined);
    // a rerun by another client than the job's makes none
    const makes =
      operation.kind === 'submit' || (operation.kind === 'rerun' && clients[operation.job] === operation.client);
    if (makes) {
      if (kept) numbers.set(clients.length, made++);
      clients.push(operation.client);
    }
    if (!kept) return [];
    return [job === undefined ? operation : ({ ...operation, job } as Operation)];
  });
}

function replay(engine: TestEngine, operations: Operation[]): Promise<string | undefined> {
  const rest = [...operations];
  return compare(engine, () => rest.shift());
}
