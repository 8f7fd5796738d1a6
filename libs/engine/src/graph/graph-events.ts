import type { JobRecord } from '@task-engine/database';
import { wholeSeconds } from '@task-engine/dto';
import type { Happened } from '../webhooks/webhook-events';
import type { GraphParameters } from './graph-definition';
import type { GraphStatus, GraphTask, WebhookEvent } from './views';

type TaskEvent = Extract<WebhookEvent, `task.${string}`>;

/** What a task's event says of it. */
interface Shown {
  status: GraphStatus;
  result?: string | null;
  startedAt?: Date | null;
  completedAt?: Date | null;
}

/** Something that happens to a task of which its job is known. */
export function happenedTo(job: JobRecord, event: TaskEvent, shown: Shown | (() => Promise<Shown>)): Happened {
  const { name } = job.parameters as unknown as GraphParameters;
  return happened(event, { id: job.id, clientId: job.clientId, name }, shown);
}

/** The same to one that has been read. */
export function happened(
  event: TaskEvent,
  { id, clientId, name }: Pick<GraphTask, 'id' | 'clientId' | 'name'>,
  shown: Shown | (() => Promise<Shown>),
): Happened {
  const about = async () => {
    const {
      status,
      result = null,
      startedAt = null,
      completedAt = null,
    } = typeof shown === 'function' ? await shown() : shown;
    const times = {
      started_at: startedAt && wholeSeconds(startedAt),
      completed_at: completedAt && wholeSeconds(completedAt),
    };
    return { task: { id: `task-${id}`, name, status, result, ...times } };
  };
  return { event, clientId, jobId: id, about };
}
