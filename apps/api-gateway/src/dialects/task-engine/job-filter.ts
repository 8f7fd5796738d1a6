import type { JobFilter } from '@task-engine/database';
import { JOB_STATES, type JobState } from '@task-engine/domain';
import { dayOrInstant, DEFAULT_LIMIT, JobListQuery, readDto, readFlag, readJobIds } from '@task-engine/dto';
import { ORDERS, STATE_IDS } from './vocabulary';

/**
 * The engine's filter for a query of GET /jobs.
 * @throws DomainError invalid_parameter
 */
export function jobFilter(query: Record<string, string>): Omit<JobFilter, 'laneId'> {
  const { limit, items, ...rest } = readDto(JobListQuery, query);
  const ids = rest.job_ids === undefined ? undefined : readJobIds(rest.job_ids);
  return {
    // whoever names twenty jobs wants to see twenty
    limit: Number(limit ?? items ?? Math.max(DEFAULT_LIMIT, ids?.length ?? 0)),
    // newest first; a range of creation times is read in their order, which is that of the ids but for jobs of the same instant
    orderBy: ORDERS[rest.order_by ?? ((rest.from ?? rest.to) ? 'created_at' : 'id')],
    ascending: readFlag(rest.asc) ?? false,
    states: states(rest.state, readFlag(rest.failed)),
    from: rest.from === undefined ? undefined : dayOrInstant(rest.from)?.start,
    before: rest.to === undefined ? undefined : dayOrInstant(rest.to)?.end,
    search: rest.search,
    ids,
    client: rest.client,
    persist: readFlag(rest.persist),
  };
}

/**
 * `failed=1` finds jobs only with no state or with state 2; state 2 without it means the ones that did not fail
 * (reference/task-engine.md A11.5).
 */
function states(id: string | undefined, failed: boolean | undefined): JobState[] | undefined {
  const state = id === undefined ? undefined : STATE_IDS[Number(id)];
  if (failed) return state === undefined || state === 'completed' ? ['failed'] : [];
  if (state !== undefined) return [state];
  return failed === false ? JOB_STATES.filter((each) => each !== 'failed') : undefined;
}
