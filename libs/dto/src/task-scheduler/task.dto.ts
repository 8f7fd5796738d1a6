import { Field, OptionalField } from './field';
import {
  isCheckpoint,
  isCommand,
  isInteger,
  isListOf,
  isName,
  isTaskId,
  isText,
  isWorkerTag,
  MAX_CHECKPOINT_BYTES,
  MAX_COMMAND_BYTES,
  MAX_DEPENDENCIES,
  readTime,
} from './values';

const NAME = 'must be a text of 1 to 255 characters that is not blank';
const flag = (value: unknown) => typeof value === 'boolean';
const unchangeable = () => OptionalField(() => false, 'cannot be changed');

/** What may be said of a task when it is made and later. */
class TaskFields {
  @OptionalField((value) => value === null || isText(value, 0, 10_000), 'must be a text of up to 10000 characters')
  description?: string | null;

  @OptionalField((value) => isInteger(value, 1, 10), 'must be an integer from 1 to 10')
  priority?: number;

  @OptionalField((value) => isInteger(value, 0, 100), 'must be an integer from 0 to 100')
  max_retries?: number;

  @OptionalField(
    (value) => value === null || readTime(value) !== undefined,
    'must be an ISO 8601 time like 2023-06-15T12:00:00Z',
  )
  scheduled_at?: string | null;

  @OptionalField((value) => isInteger(value, 1, 31_536_000), 'must be an integer from 1 to 31536000')
  timeout_seconds?: number;

  @OptionalField(
    (value) => isListOf(value, 50, (tag) => isText(tag, 1, 100)),
    'must be a list of up to 50 texts of 1 to 100 characters',
  )
  tags?: string[];

  @OptionalField(
    (value) => isListOf(value, MAX_DEPENDENCIES, isTaskId),
    `must be a list of up to ${MAX_DEPENDENCIES} ids like task-123`,
  )
  dependencies?: string[];

  @OptionalField(
    (value) => isListOf(value, 20, isWorkerTag),
    'must be a list of up to 20 tags of 1 to 64 letters, digits, dots, dashes or underscores',
  )
  worker_tags?: string[];
}

/** Body of POST /api/tasks. */
export class CreateTaskDto extends TaskFields {
  @Field(isName, NAME)
  name!: string;

  @Field(isCommand, `must be a text of 1 to ${MAX_COMMAND_BYTES} bytes that is not blank`)
  command!: string;

  @OptionalField(flag, 'must be true or false')
  checkpoint_enabled?: boolean;
}

/** Body of PUT /api/tasks/{id}. What a caller would take for changed must not pass in silence. */
export class UpdateTaskDto extends TaskFields {
  @OptionalField(isName, NAME)
  name?: string;

  @unchangeable()
  command?: never;

  @unchangeable()
  status?: never;

  @unchangeable()
  checkpoint_enabled?: never;
}

/** Body of POST /api/tasks/{id}/checkpoint. */
export class CheckpointDto {
  @Field(isCheckpoint, `must be an object of up to ${MAX_CHECKPOINT_BYTES} bytes as JSON`)
  checkpoint_data!: object;
}
