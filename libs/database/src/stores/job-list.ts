import { FINAL_JOB_STATES, JOB_STATES, type JobState } from '@task-engine/domain';

/**
 * What a list may be ordered by; ties go by id in the same direction.
 *
 * Each is read from an index that stops at the limit, so a page costs the same among a thousand jobs and among millions:
 * - `state` names: jobs of one state in order of id (job_state, job_client); the states are merged, or stand one behind the other;
 * - `rare`: nearly every row has the same value, the others have an index of their own;
 * - `column`: finished jobs have an index (a job enters it once, when it finishes; an index over all jobs would be written at each of its
 *   transitions), the open ones are sorted.
 */
export const JOB_ORDERS = {
  id: { kind: 'state', key: 'NULL::int' },
  client: { kind: 'client', key: '(SELECT name FROM client WHERE client.id = j.client_id)' },
  // `failed` is a shade of completed, as the lists show it
  state: { kind: 'state', key: `CASE j.state WHEN 'failed' THEN 'completed' ELSE j.state END` },
  failed: { kind: 'state', key: `(j.state = 'failed')` },
  position: { kind: 'rare', key: 'j.position', usual: 'j.position = 1', rare: 'j.position <> 1' },
  topOfQueue: { kind: 'rare', key: 'j.top_of_queue', usual: 'NOT j.top_of_queue', rare: 'j.top_of_queue' },
  workflow: { kind: 'column', key: 'j.workflow' },
  priority: { kind: 'column', key: 'j.priority' },
  runAt: { kind: 'column', key: 'j.run_at' },
  createdAt: { kind: 'column', key: 'j.created_at' },
  updatedAt: { kind: 'column', key: 'j.updated_at' },
} as const satisfies Record<
  string,
  { kind: 'state' | 'client' | 'rare' | 'column'; key: string; usual?: string; rare?: string }
>;

export type JobOrder = keyof typeof JOB_ORDERS;

export interface JobFilter {
  laneId: number;
  limit: number;
  orderBy: JobOrder;
  ascending: boolean;
  /** Any of these; undefined: every state; empty: no job at all. */
  states?: JobState[];
  /** Created at or after. */
  from?: Date;
  /** Created before (exclusive: the caller adds the precision of its inclusive bound). */
  before?: Date;
  /** Literal text anywhere in the submitted parameters, whatever its case. */
  search?: string;
  ids?: string[];
  client?: string;
  persist?: boolean;
}

/** Which jobs a search looks at. */
export interface Searched {
  /** The job up to which job_search is complete; those behind it are searched themselves. */
  through: string;
  /** Of those in job_search only so many of the newest, read one by one; undefined: all, through their trigrams. */
  newest?: number;
}

const NOTHING_SEARCHED: Searched = { through: '0' };

/** Rows that one index gives in the order asked for. */
interface Stretch {
  where: string[];
  order: string;
  /**
   * Taken state by state. As a list of values, not as one part of the statement for each: to a known state that most jobs have the planner
   * prefers the primary key, and then steps over every open job.
   */
  states?: readonly JobState[];
}

/**
 * A statement for `id` and `key` of the first `limit` jobs in the order asked for.
 *
 * @param bind adds a parameter and answers its sign
 * @param searched which jobs a search looks at; none unless there is something to search for
 */
export function jobList(filter: JobFilter, bind: (value: unknown) => string, searched = NOTHING_SEARCHED): string {
  const direction = filter.ascending ? 'ASC' : 'DESC';
  const order = JOB_ORDERS[filter.orderBy];
  const { search, states = JOB_STATES } = filter;
  const limit = bind(filter.limit);
  const byId = `j.id ${direction}`;
  const byKey = filter.orderBy === 'id' ? byId : `${order.key} ${direction}, ${byId}`;
  const base = conditions(filter, bind);
  const notKept = filter.persist === false ? ['NOT j.persist'] : [];
  // What these select has an index of its own.
  const selected = filter.ids !== undefined || search !== undefined || filter.persist === true;
  const ranged = filter.from !== undefined || filter.before !== undefined;

  /** Finished jobs through an index on the key, or on the range of creation times; open ones sorted. */
  const byColumn = (conditions: string[]): Stretch[] => {
    const where = [...conditions, ...notKept];
    const isFinal = (state: JobState) => (FINAL_JOB_STATES as readonly JobState[]).includes(state);
    const [open, final] = [states.filter((state) => !isFinal(state)), states.filter(isFinal)];
    const ofStates = (some: JobState[]) => `j.state = ANY(${bind(some)}::text[])`;
    return [
      ...(open.length > 0 ? [{ where: [...where, 'j.finished_at IS NULL', ofStates(open)], order: byKey }] : []),
      ...(final.length === FINAL_JOB_STATES.length
        ? [{ where: [...where, 'j.finished_at IS NOT NULL'], order: byKey }]
        : final.length > 0
          ? [{ where: [...where, 'j.finished_at IS NOT NULL', ofStates(final)], order: byKey }]
          : []),
    ];
  };
  /** @param where what makes the key the same for all rows of a state, or nothing if it is so anyway */
  const byState = (where: string[] = []): Stretch[] => {
    if (ranged && !selected) return byColumn(where);
    if (selected) return [{ where: [...where, ...notKept, `j.state = ANY(${bind(states)}::text[])`], order: byKey }];
    return [{ where: [...where, ...notKept].map(aside), order: byId, states }];
  };
  const stretches = (): Stretch[] => {
    if (order.kind === 'column') return byColumn([]);
    if (order.kind !== 'rare') return byState();
    return [...byState([order.usual]), { where: [order.rare, `j.state = ANY(${bind(states)}::text[])`], order: byKey }];
  };

  const take = (key: string, extra: string[], { where, order: by, states: each }: Stretch) => {
    const all = [...base, ...extra, ...where, ...(each ? ['j.state = each.state'] : [])];
    const rows = `SELECT j.id, ${key} AS key FROM job j WHERE ${all.join(' AND ')} ORDER BY ${by} LIMIT ${limit}`;
    return each
      ? `(SELECT own.id, own.key FROM unnest(${bind(each)}::text[]) AS each (state) CROSS JOIN LATERAL (${rows}) own)`
      : `(${rows})`;
  };
  const merge = (parts: string[]) =>
    `SELECT id, key FROM (${parts.join(' UNION ALL ')}) part ORDER BY key ${direction}, id ${direction} LIMIT ${limit}`;

  // Client by client, in order of their names, until there are enough.
  if (order.kind === 'client' && filter.client === undefined && !selected && !ranged) {
    const own = byState().map((stretch) => take(`NULL::int`, ['j.client_id = c.id'], stretch));
    return `SELECT own.id, c.name AS key FROM client c CROSS JOIN LATERAL (${merge(own)}) own
            ORDER BY c.name ${direction}, own.id ${direction} LIMIT ${limit}`;
  }
  const searches = search === undefined ? [[]] : searchConditions(search, searched, bind);
  return merge(searches.flatMap((condition) => stretches().map((stretch) => take(order.key, condition, stretch))));
}

/**
 * A condition on columns that job_state lacks, as a look aside for each row found. Written plainly it makes the planner read rows instead of
 * that index alone, and then it takes the primary key, along which it may have to step over millions of jobs in other states.
 */
function aside(condition: string): string {
  return `EXISTS (SELECT FROM job a WHERE a.id = j.id AND ${condition.replaceAll('j.', 'a.')} OFFSET 0)`;
}

function conditions(filter: JobFilter, bind: (value: unknown) => string): string[] {
  const where = [`j.lane_id = ${bind(filter.laneId)}`];
  if (filter.from) where.push(`j.created_at >= ${bind(filter.from)}`);
  if (filter.before) where.push(`j.created_at < ${bind(filter.before)}`);
  if (filter.ids) where.push(`j.id = ANY(${bind(filter.ids)}::bigint[])`);
  if (filter.client !== undefined)
    where.push(`j.client_id = (SELECT id FROM client WHERE name = ${bind(filter.client)})`);
  if (filter.persist) where.push('j.persist');
  return where;
}

/** Jobs that job_search has, and the newer ones themselves. */
function searchConditions(search: string, { through, newest }: Searched, bind: (value: unknown) => string): string[][] {
  const pattern = bind(containing(search));
  const mark = bind(through);
  const texts =
    newest === undefined
      ? `job_search s WHERE s.job_id <= ${mark}::bigint AND`
      : // OFFSET 0: these are read one by one, whatever the trigrams promise
        `(SELECT job_id, body FROM job_search WHERE job_id <= ${mark}::bigint AND job_id > ${mark}::bigint - ${bind(newest)}::bigint OFFSET 0) s WHERE`;
  return [
    [`j.id > ${mark}::bigint`, `j.submitted::text ILIKE ${pattern} ESCAPE '\\'`],
    [`j.id IN (SELECT s.job_id FROM ${texts} s.body ILIKE ${pattern} ESCAPE '\\')`],
  ];
}

/**
 * ILIKE pattern for a text inside a JSON document: written as JSON writes it (jsonb's text escapes exactly what JSON.stringify
 * does), then with the pattern's own signs made literal.
 */
function containing(text: string): string {
  const json = JSON.stringify(text).slice(1, -1);
  return `%${json.replace(/[\\%_]/g, '\\$&')}%`;
}
