import { DomainError } from '@task-engine/domain';
import { getMetadataStorage, validateSync } from 'class-validator';

/**
 * Copies the properties that `Dto` declares from untrusted data into a fresh instance and checks them. Others are left behind, so that
 * neither `constructor` nor an unknown key reaches the validator or the code behind it. Messages of the decorators complete the
 * sentence `Invalid parameter: <name> ...`.
 * @param path what stands before a name in messages, e.g. `job.`
 * @throws DomainError invalid_parameter with the first fault
 */
export function readDto<Dto extends object>(Dto: new () => Dto, value: object, path = ''): Dto {
  const dto = new Dto();
  for (const name of namesOf(Dto)) {
    if (Object.hasOwn(value, name)) (dto as Record<string, unknown>)[name] = (value as Record<string, unknown>)[name];
  }
  const [fault] = validateSync(dto, { stopAtFirstError: true });
  if (!fault) return dto;
  const message = Object.values(fault.constraints ?? {})[0] ?? 'is wrong';
  throw new DomainError('invalid_parameter', `Invalid parameter: ${path}${fault.property} ${message}`);
}

/** Names of the properties that have a decorator. */
export function namesOf(Dto: new () => object): string[] {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(Dto, '', true, false);
  return [...new Set(metadata.map((entry) => entry.propertyName))];
}

/** @throws DomainError invalid_parameter unless it is a JSON object */
export function requireObject(
  value: unknown,
  message = 'The request body must be a JSON object',
): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new DomainError('invalid_parameter', message);
}
