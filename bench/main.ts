import { parseArgs } from 'node:util';
import { packageRoot } from '../scripts/local/package-root';
import { onStopSignals } from '../scripts/local/stop-signals';
import { benchmarks } from './benchmarks';
import { BenchServers, requireDurable } from './harness/bench-servers';
import { type Benchmark, scale } from './harness/benchmark';
import { verdictLines } from './harness/lines';
import { readCommit, readMachine } from './harness/machine';
import { type StoredResult, writeResults } from './harness/results';
import { runBenchmark } from './harness/run-benchmark';

const USAGE = `Usage: npm run bench [-- <id> ... [options]]

  <id>            which benchmarks [all]: ${benchmarks(scale(false))
    .map(({ id }) => id)
    .join(' ')}
  --pairs <n>     turns of each side [3]
  --quick         small numbers: shows that everything works, measures nothing; results are not written
  --dir <folder>  where the servers write [the system's temporary folder]
  --profile <f>   CPU profiles of the apps and the statements of PostgreSQL into this folder; results are not written`;

/** `npm run bench`. Exit code 1: a run broke or an id was lost or doubled. A missed bar is a result, not a fault. */
async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      pairs: { type: 'string' },
      quick: { type: 'boolean', default: false },
      dir: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const all = benchmarks(scale(values.quick));
  const unknown = positionals.filter((id) => !all.some((each) => each.id === id));
  const pairs = Number(values.pairs ?? (values.quick ? 1 : 3));
  if (values.help || unknown.length > 0 || !Number.isInteger(pairs) || pairs < 1) {
    console.log(unknown.length > 0 ? `Unknown benchmark: ${unknown.join(', ')}\n\n${USAGE}` : USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const chosen = positionals.length === 0 ? all : all.filter(({ id }) => positionals.includes(id));

  const root = packageRoot();
  const servers = await BenchServers.start(env, { parent: values.dir, profile: values.profile !== undefined });
  let interrupted = false;
  onStopSignals((count) => {
    console.log('Interrupted.');
    if (count > 1) process.exit(130);
    // What a turn has started ends with this process.
    interrupted = true;
    void servers.stop().finally(() => process.exit(130));
  });
  let whole = false;
  try {
    const settings = await servers.settings();
    requireDurable(settings);
    const machine = readMachine(servers.folder);
    console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.fileSystem}, Node ${machine.node}`);
    if (machine.loadBefore > machine.cores / 4) {
      console.log(
        `The machine is busy (load average ${machine.loadBefore}): ratios will be noisy, latencies worthless.`,
      );
    }
    console.log(`PostgreSQL, both sides: ${line(settings.postgres)}`);
    console.log(`Redis, both sides: ${line(settings.redis)}`);
    const results: StoredResult[] = [];
    const facts = { date: new Date().toISOString(), commit: await readCommit(root), machine, settings };
    for (const benchmark of await possible(chosen, { servers, named: positionals.length > 0 })) {
      const print = (text: string) => console.log(text);
      const result = await runBenchmark(benchmark, { servers, pairs, print, profileFolder: values.profile });
      results.push({ ...facts, ...result });
      // After each: a run that breaks later keeps what it has measured.
      if (!values.quick && values.profile === undefined) await writeResults(root, results);
    }
    console.log(`\nMedian of ${pairs} rounds, and their range:`);
    for (const text of verdictLines(results)) console.log(text);
    const missed = results.flatMap(({ verdicts }) => verdicts.filter(({ reached }) => reached.must === false)).length;
    if (missed > 0) console.log(`\n${missed} bars MISSED.`);
    if (values.quick) console.log('\nA quick run: these numbers mean nothing, and none was written.');
    whole = true;
  } finally {
    const keep = !whole && !interrupted;
    await servers.stop({ keep });
    if (keep) console.error(`Logs of the run: ${servers.folder}`);
  }
}

/**
 * Those that this machine can run; of the others it is said, before anything is measured, that they are left out.
 * @throws Error when one that was asked for by its id cannot run
 */
async function possible(
  chosen: readonly Benchmark[],
  { servers, named }: { servers: BenchServers; named: boolean },
): Promise<Benchmark[]> {
  const able: Benchmark[] = [];
  for (const benchmark of chosen) {
    const missing = await benchmark.missing?.(servers);
    if (missing === undefined) able.push(benchmark);
    else if (named) throw new Error(`${benchmark.id} cannot run here: ${missing}`);
    else console.log(`${benchmark.id} is left out: it cannot run here: ${missing}`);
  }
  return able;
}

function line(settings: Record<string, string>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exit(1);
});
