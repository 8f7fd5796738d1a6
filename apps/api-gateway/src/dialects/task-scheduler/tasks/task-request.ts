import { CreateTaskDto, readRowId, readTime, UpdateTaskDto } from '@task-engine/dto';
import type { GraphTaskFields, NewGraphTask } from '@task-engine/engine';
import { fieldsOf } from '../http/body';

/** A task as the body of POST /api/tasks has it, with the document's defaults. @throws Refusal */
export function newTask(body: Record<string, unknown>): NewGraphTask {
  const fields = fieldsOf(CreateTaskDto, body);
  return {
    name: fields.name,
    description: fields.description ?? null,
    command: fields.command,
    priority: fields.priority ?? 5,
    maxRetries: fields.max_retries ?? 3,
    scheduledAt: timeOf(fields.scheduled_at) ?? null,
    timeoutSeconds: fields.timeout_seconds ?? 3_600,
    tags: once(fields.tags) ?? [],
    workerTags: once(fields.worker_tags) ?? [],
    dependencies: taskIds(fields.dependencies) ?? [],
    checkpointEnabled: fields.checkpoint_enabled ?? false,
  };
}

/** What the body of PUT /api/tasks/{id} changes: the fields that it has. @throws Refusal */
export function taskChanges(body: Record<string, unknown>): Partial<GraphTaskFields> {
  const fields = fieldsOf(UpdateTaskDto, body);
  const changes: { [Name in keyof GraphTaskFields]: GraphTaskFields[Name] | undefined } = {
    name: fields.name,
    description: fields.description,
    priority: fields.priority,
    maxRetries: fields.max_retries,
    scheduledAt: timeOf(fields.scheduled_at),
    timeoutSeconds: fields.timeout_seconds,
    tags: once(fields.tags),
    workerTags: once(fields.worker_tags),
    dependencies: taskIds(fields.dependencies),
  };
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function timeOf(text: string | null | undefined): Date | null | undefined {
  return typeof text === 'string' ? readTime(text) : text;
}

function once(texts: string[] | undefined): string[] | undefined {
  return texts && [...new Set(texts)];
}

function taskIds(ids: string[] | undefined): string[] | undefined {
  return once(ids)?.map((id) => readRowId('task', id)!);
}
