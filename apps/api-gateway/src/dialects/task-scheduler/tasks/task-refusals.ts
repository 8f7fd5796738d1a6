import { rowId } from '@task-engine/dto';
import type {
  CancelAnswer,
  CheckpointAnswer,
  CreateAnswer,
  GraphStatus,
  RemoveAnswer,
  RetryAnswer,
  UpdateAnswer,
} from '@task-engine/engine';
import { invalidFields, invalidToken, notFound, Refusal } from '../http/refusal';

type RefusalOf<Answer> = Extract<Answer, { refused: string }>;

/** What an answer names of more tasks than anybody reads. */
const MAX_NAMED = 10;

function named(ids: string[]): string {
  const shown = ids.slice(0, MAX_NAMED).map((id) => rowId('task', id));
  return `${shown.join(', ')}${ids.length > shown.length ? ` and ${ids.length - shown.length} more` : ''}`;
}

function wrongState(message: string, status: GraphStatus): Refusal {
  return new Refusal('conflict', message, { status });
}

/** Why a task is not made or not changed. */
export function notWritten(answer: RefusalOf<CreateAnswer> | RefusalOf<UpdateAnswer>): Refusal {
  switch (answer.refused) {
    case 'not_found':
      return notFound('Task');
    case 'not_pending':
      return wrongState(`Only a pending task can be changed, and this one is ${answer.status}`, answer.status);
    case 'unknown_dependency':
      return invalidFields({ dependencies: `has tasks that do not exist: ${named(answer.ids)}` });
    case 'cycle':
      return invalidFields({ dependencies: `has tasks that wait for this one: ${named(answer.ids)}` });
    case 'self_dependency':
      return invalidFields({ dependencies: 'has the task itself' });
    case 'too_many_worker_tags':
      return invalidFields({ worker_tags: 'is one set of tags more than this installation takes' });
  }
}

export function notRemoved(answer: RefusalOf<RemoveAnswer>): Refusal {
  switch (answer.refused) {
    case 'not_found':
      return notFound('Task');
    case 'running':
      return wrongState('The task is running: cancel it first', 'running');
    case 'needed':
      return new Refusal('conflict', 'Pending tasks depend on this one', {
        dependents: answer.ids.map((id) => rowId('task', id)),
      });
  }
}

export function notCancelled(answer: RefusalOf<CancelAnswer>): Refusal {
  if (answer.refused === 'not_found') return notFound('Task');
  return wrongState(`The task is ${answer.status} already`, answer.status);
}

export function notRetried(answer: RefusalOf<RetryAnswer>): Refusal {
  if (answer.refused === 'not_found') return notFound('Task');
  return wrongState(`Only a failed task can be retried, and this one is ${answer.status}`, answer.status);
}

/** @param byToken that of a running task: whoever has another one learns nothing of any task */
export function notStored(answer: RefusalOf<CheckpointAnswer>, byToken: boolean): Refusal {
  if (byToken && answer.refused !== 'not_running')
    return invalidToken('The token is not the one of the present try of this task');
  switch (answer.refused) {
    case 'not_found':
      return notFound('Task');
    case 'not_enabled':
      return new Refusal('conflict', 'Checkpoints are not enabled for this task');
    case 'stale_token':
      throw new Error('unreachable: a client has no token that could be stale');
    case 'not_running':
      return wrongState(`Only a running task has checkpoints, and this one is ${answer.status}`, answer.status);
  }
}
