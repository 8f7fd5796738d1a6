import {
  DELIVERY_TRANSITIONS,
  EXECUTION_TRANSITIONS,
  FINAL_JOB_STATES,
  GRAPH_JOB_TRANSITIONS,
  JOB_TRANSITIONS,
  PULLED_JOB_TRANSITIONS,
  RUN_TRANSITIONS,
  TASK_TRANSITIONS,
} from '@task-engine/domain';

const ways = (transitions: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(transitions)
    .map(([from, to]) => `from \`${from}\` to ${to.map((state) => `\`${state}\``).join(' or ')}`)
    .join(', ');

export type Transitions = Readonly<Record<string, readonly string[]>>;

interface LifeCycle {
  title: string;
  text: string;
  /** States in which a new row may be inserted. */
  initial: readonly string[];
  transitions: Transitions;
}

const lifeCycles: readonly LifeCycle[] = [
  {
    title: 'Job',
    text: `One accepted submission. Task Engine's API shows \`failed\` as queue_state \`completed\` with \`failed: true\`. Final: ${FINAL_JOB_STATES.map((state) => `\`${state}\``).join(', ')}; a rerun makes a new job. Jobs that workers pull may besides go ${ways(PULLED_JOB_TRANSITIONS)}: given back by their worker, or reset by a manager. Those of graph tasks may go ${ways(GRAPH_JOB_TRANSITIONS)}: until their next try, or because their client has changed what they wait for or has them tried again.`,
    initial: ['pending', 'scheduled', 'queued'],
    transitions: JOB_TRANSITIONS,
  },
  {
    title: 'Task',
    text: 'One step of a job. It goes back from `started` to `queued` for a further try, or when its lease was lost or handed back. That of a pulled job or a graph task goes from `failed` to `queued` with it.',
    initial: ['waiting', 'queued'],
    transitions: TASK_TRANSITIONS,
  },
  {
    title: 'Execution',
    text: 'One attempt at a task: a lease held by one worker. A further try is a new execution.',
    initial: ['queued'],
    transitions: EXECUTION_TRANSITIONS,
  },
  {
    title: 'Run',
    text: 'One execution of a command (fastlane shows `enqueued`, `pulling`, `running`, `done`, `failed`, `timedout`, `expired`). Its job says when it may start and who has the lease; a run that is taken over by another worker stays where it is.',
    initial: ['waiting'],
    transitions: RUN_TRANSITIONS,
  },
  {
    title: 'Delivery',
    text: 'One outgoing callback and its attempts. A replay makes a finished delivery pending again, under the same id.',
    initial: ['pending'],
    transitions: DELIVERY_TRANSITIONS,
  },
];

const introduction = `# Life cycles

Drawn from the tables of allowed transitions in \`libs/domain\`. Every change of state is one guarded statement over such a table
(\`UPDATE ... WHERE id = $1 AND state = ANY(<allowed sources>)\`), so an arrow that is not here cannot happen.
`;

/** docs/job-lifecycle.md, from the transition tables. */
export function lifeCyclePage(): string {
  const parts = lifeCycles.map(
    ({ title, text, initial, transitions }) => `## ${title}\n\n${text}\n\n${stateDiagram(initial, transitions)}\n`,
  );
  return [introduction, ...parts].join('\n');
}

/** A mermaid state diagram; states that nothing leaves end in the final mark. */
export function stateDiagram(initial: readonly string[], transitions: Transitions): string {
  const lines = initial.map((state) => `    [*] --> ${state}`);
  for (const [from, targets] of Object.entries(transitions)) {
    lines.push(...targets.map((to) => `    ${from} --> ${to}`));
    if (targets.length === 0) lines.push(`    ${from} --> [*]`);
  }
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n');
}
