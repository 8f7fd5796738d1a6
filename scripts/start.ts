import { resolve } from 'node:path';
import { configurationOrExit, type LocalRunConfiguration, localRunSchema } from '@task-engine/platform';
import { LocalError, reasonOf } from './local/local-error';
import { LocalSuite } from './local/local-suite';
import { ConsoleProgress } from './local/progress';
import { onStopSignals } from './local/stop-signals';

/** `npm start`: brings the whole suite up on this machine and keeps it up until Ctrl-C or SIGTERM. */
async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const configuration = configurationOrExit(localRunSchema, env);
  const { HOST: host, PORT: port, REPLICAS: replicas } = configuration;
  const dataDir = resolve(configuration.DATA_DIR);
  const progress = new ConsoleProgress();
  const underNpm = Boolean(env.npm_lifecycle_event);
  const interrupted = onStopSignals(() => {
    // Nothing is up yet that would have work to hand back; the watchdog ends what has been started.
    progress.end();
    console.log('Interrupted while starting.');
    process.exit(130);
  }, underNpm);
  console.log(`Starting Task Engine, data in ${dataDir}`);
  const suite = await LocalSuite.start({ dataDir, port, host, replicas, env, progress }).finally(() => {
    progress.end();
    interrupted.cancel();
  });

  const stopped = new Promise<void>((done, refuse) => {
    const stop = () => {
      console.log('Stopping (running work is handed back; a second signal ends at once) ...');
      suite.stop().then(done, refuse);
    };
    onStopSignals((count) => (count > 1 ? process.exit(1) : stop()), underNpm);
  });
  console.log(summary(suite, configuration, Boolean(env.BOOTSTRAP_CLIENTS?.trim())));
  await stopped;
  console.log('Stopped.');
  process.exit(0);
}

/** Keys that the user has chosen are not shown. */
function summary(suite: LocalSuite, configuration: LocalRunConfiguration, ownClients: boolean): string {
  const url = suite.url('api-gateway');
  const { BOOTSTRAP_CLIENTS: clients, REPLICAS: replicas } = configuration;
  const demo = ownClients ? undefined : clients[0];
  const others = Array.from({ length: replicas - 1 }, (_, index) => suite.url('api-gateway', index + 2));
  const lines = [
    '',
    `Task Engine is up: ${url}`,
    ...others.map((other) => `  further gateway   ${other}`),
    `  API documents     ${url}/docs`,
    `  health, metrics   ${url}/health  ${url}/readyz  ${url}/metrics`,
    demo
      ? `  demo client       headers  client: ${demo.name}   api-key: ${demo.key}`
      : `  clients           ${clients.map(({ name }) => name).join(', ')} (from BOOTSTRAP_CLIENTS)`,
    `  logs              ${suite.servers.folder.at('logs')}`,
    `  data              ${suite.servers.folder.path}`,
    '',
    ...(demo ? example(url, demo.name, demo.key) : []),
    'Ctrl-C stops it; the data stays.',
  ];
  return lines.join('\n');
}

function example(url: string, client: string, key: string): string[] {
  return [
    `  Try: curl -s ${url}/job -H 'client: ${client}' -H 'api-key: ${key}' -H 'content-type: application/json' \\`,
    `         -d '{"job":{"workflow":"sleep"},"parameters":{"seconds":2}}'`,
    `  Then: ${url}/jobs  ${url}/logs/<id>`,
    '',
  ];
}

main(process.env).catch((error: unknown) => {
  console.error(error instanceof LocalError ? error.message : error instanceof Error ? error.stack : reasonOf(error));
  process.exit(1);
});
