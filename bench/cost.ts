import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { packageRoot } from '../scripts/local/package-root';
import { measureCost, type Costs } from './cost-measure';
import { costTable } from './cost-table';
import { BenchServers } from './harness/bench-servers';
import { readCommit, readMachine } from './harness/machine';

const USAGE = `Usage: npm run bench:cost [-- options]

  --sizes <n,n,...>  jobs in the tables [1000,100000,2000000]
  --graph            tasks of /api/tasks instead of workflow jobs
  --only <text>      only what has this text in its name
  --quick            1000,20000 and few repeats: shows that it works; nothing is written
  --dir <folder>     where the servers write [the system's temporary folder]; 2 million jobs take about 8 GB
  --table            only writes the table anew from the stored results`;

const RESULTS = join('bench', 'cost-results');
const GRAPH_RESULTS = join('bench', 'cost-graph-results');

/** `npm run bench:cost`: what each operation costs with few and with many jobs in the tables. */
async function main(args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      sizes: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      dir: { type: 'string' },
      graph: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const sizes = (values.sizes ?? (values.quick ? '1000,20000' : '1000,100000,2000000')).split(',').map(Number);
  if (values.help || sizes.some((size) => !Number.isInteger(size) || size < 200)) {
    console.log(USAGE);
    process.exitCode = values.help ? 0 : 2;
    return;
  }
  const root = packageRoot();
  const results = values.graph ? GRAPH_RESULTS : RESULTS;
  if (values.table) {
    await write(
      root,
      `${results}.md`,
      costTable(JSON.parse(readFileSync(join(root, `${results}.json`), 'utf8')) as Costs),
    );
    return;
  }
  const servers = await BenchServers.start(env, { parent: values.dir });
  let whole = false;
  try {
    const costs: Costs = {
      date: new Date().toISOString(),
      commit: await readCommit(root),
      machine: readMachine(servers.folder),
      settings: await servers.settings(),
      sizes: [],
    };
    for (const jobs of sizes) {
      const { databaseUrl, drop } = await servers.fresh();
      const effort = values.quick ? { n: 5, seconds: 1 } : { n: 60, seconds: 4 };
      costs.sizes.push(
        await measureCost({
          servers,
          databaseUrl,
          jobs,
          graph: values.graph,
          effort,
          only: values.only,
          print: (line) => console.log(line),
        }),
      );
      await drop();
    }
    const page = costTable(costs);
    console.log(`\n${page}`);
    if (!values.quick && values.only === undefined) {
      await write(root, `${results}.json`, JSON.stringify(costs));
      await write(root, `${results}.md`, page);
    }
    whole = true;
  } finally {
    await servers.stop({ keep: !whole });
    if (!whole) console.error(`Logs of the run: ${servers.folder}`);
  }
}

/** In the form that `npm run format:check` wants. */
async function write(root: string, name: string, text: string): Promise<void> {
  const path = join(root, name);
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : String(error));
  process.exit(1);
});
