import { MAX_ARGUMENT_BYTES } from '@task-engine/dto';
import { invalid, shownName } from './invalid';

/**
 * Variables of a process: texts; numbers and booleans become theirs.
 * @throws DomainError invalid_parameter for what no process can have
 */
export function readEnvironment(envs: Record<string, unknown>): Record<string, string> {
  const variables = Object.entries(envs).map(([name, value]): [string, string] => {
    const path = `envs.${shownName(name)}`;
    // a NUL is refused with the whole body
    if (name === '' || name.includes('=')) throw invalid('envs', 'must have names that are not empty and hold no =');
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
      throw invalid(path, 'must be a string, a number or a boolean');
    const text = String(value);
    if (Buffer.byteLength(`${name}=${text}`) > MAX_ARGUMENT_BYTES)
      throw invalid(path, `must have at most ${MAX_ARGUMENT_BYTES} bytes, its name included`);
    return [name, text];
  });
  return Object.fromEntries(variables);
}
