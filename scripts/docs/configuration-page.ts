import {
  controllerSchema,
  describeConfiguration,
  dispatcherSchema,
  gatewaySchema,
  localRunSchema,
  schedulerSchema,
  toolSchema,
  type VariableDescription,
  workerSchema,
} from '@task-engine/platform';

const sections = [
  { title: '`npm start` and `npm run demo`', schema: localRunSchema },
  { title: '`npm run cli`', schema: toolSchema },
  { title: 'api-gateway', schema: gatewaySchema },
  { title: 'job-controller', schema: controllerSchema },
  { title: 'task-worker', schema: workerSchema },
  { title: 'callback-dispatcher', schema: dispatcherSchema },
  { title: 'scheduler', schema: schedulerSchema },
];

const introduction = `# Configuration

Each app reads the variables of its section once, before it starts, and lists every fault at once by name. An empty variable counts as
unset; what a section does not name is ignored. Units are in the names (\`LEASE_SECONDS\`). Settings that an API changes at run time
(\`max_jobs\`, \`retry_limit\` ...) are rows of the database and not listed here.

\`npm start\` passes its environment on to the apps, so every variable below works there too; ports of the other apps are chosen by it.
`;

/** docs/configuration.md, from the schemas that the apps parse their environment with. */
export function configurationPage(): string {
  const tables = sections.map(({ title, schema }) => `## ${title}\n\n${table(describeConfiguration(schema))}\n`);
  return [introduction, ...tables].join('\n');
}

function table(variables: VariableDescription[]): string {
  const rows = variables.map(({ variable, meaning, required, standard }) => {
    const value = required ? 'required' : standard === undefined ? 'unset' : `\`${standard}\``;
    return `| \`${variable}\` | ${value} | ${meaning} |`;
  });
  return ['| Variable | Default | Meaning |', '|---|---|---|', ...rows].join('\n');
}
