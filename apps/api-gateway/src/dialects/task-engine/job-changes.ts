import { DomainError } from '@task-engine/domain';
import { readDto, readFlag, UpdateJobDto } from '@task-engine/dto';
import type { JobChanges } from '@task-engine/engine';
import { parseHttpUrl, parseInstant, parsePriority } from '@task-engine/workflows';
import { CHANGES } from './vocabulary';

/**
 * The changes that the body of an update asks for, and their names as the caller wrote them, in the body's order.
 * @throws DomainError invalid_parameter
 */
export function jobChanges(body: object): { changes: JobChanges; names: string[] } {
  const dto = readDto(UpdateJobDto, body);
  const changes: JobChanges = {
    state: dto.queue_state,
    runAt: dto.run_at === undefined ? undefined : parseInstant(dto.run_at, 'run_at'),
    priority: dto.priority === undefined ? undefined : parsePriority(dto.priority, 'priority'),
    semaphoreUrl: semaphore(dto),
    persist: readFlag(dto.persist),
  };
  return { changes, names: Object.keys(body).filter((name) => Object.hasOwn(CHANGES, name)) };
}

/** Either spelling; both may be there when they say the same. */
function semaphore(dto: UpdateJobDto): string | null | undefined {
  const { semaphore_url, sempahore_url } = dto;
  if (semaphore_url !== undefined && sempahore_url !== undefined && semaphore_url !== sempahore_url) {
    throw new DomainError('invalid_parameter', 'Invalid parameter: semaphore_url and sempahore_url must be the same');
  }
  const [name, value] =
    semaphore_url === undefined ? ['sempahore_url', sempahore_url] : ['semaphore_url', semaphore_url];
  return value === undefined || value === null ? value : parseHttpUrl(value, name);
}
