import type { JobSummary, JobView } from '@task-engine/database';
import type { Dashboard } from '@task-engine/engine';
import { shownParameters } from '../shown-parameters';
import { QUEUE_STATE } from '../vocabulary';

/** A row of the dashboard. */
export function presentSummary(job: JobSummary) {
  return {
    id: Number(job.id),
    client: job.client,
    workflow: job.workflow,
    priority: job.priority,
    position: job.position,
    created_at: job.createdAt.toISOString(),
    updated_at: job.updatedAt.toISOString(),
    queue_state: QUEUE_STATE[job.state],
    failed: job.state === 'failed',
    run_at: job.runAt.toISOString(),
  };
}

/** A row of GET /jobs: both editions' keys, so with parameters. */
export function presentRow(job: JobView) {
  const { failed, run_at, ...head } = presentSummary(job);
  return { ...head, parameters: shownParameters(job.submitted), failed, run_at };
}

/** GET /jobs/:id. */
export function presentJob(job: JobView) {
  const { created_at, updated_at, queue_state, failed, run_at, ...head } = presentSummary(job);
  return {
    ...head,
    top_of_queue: job.topOfQueue,
    parameters: shownParameters(job.submitted),
    created_at,
    updated_at,
    queue_state,
    failed,
    run_at,
  };
}

export function presentDashboard(dashboard: Dashboard, version: string) {
  return {
    max_jobs: dashboard.maxRunning,
    priority_slots: dashboard.reservedSlots,
    started: dashboard.started.map(presentSummary),
    queued: dashboard.queued.map(presentSummary),
    scheduled: dashboard.scheduled.map(presentSummary),
    version,
  };
}
