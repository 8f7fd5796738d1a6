import { Refusal } from '../http/refusal';

const VERSIONS = ['1', '1.0'];
const JSON_RANGES = ['application/json', 'application/*', '*/*'];

/**
 * The API's version is asked for in the header Accept; without one it is the newest. Who names no JSON at all gets it all the same.
 * @throws Refusal when a version is asked for that there is none of, and nothing else will do
 */
export function assertVersion(accept: string | undefined): void {
  const asked = (accept ?? '')
    .split(',')
    .map(range)
    .filter(({ type }) => JSON_RANGES.includes(type));
  if (asked.length === 0 || asked.some(({ version }) => version === undefined || VERSIONS.includes(version))) return;
  throw new Refusal('not_acceptable', 'This version of the API is not known; 1.0 is', {
    versions: [VERSIONS.at(-1)!],
  });
}

function range(text: string): { type: string; version: string | undefined } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim());
  const version = parameters
    .map((parameter) => /^version\s*=\s*"?([^"]*)"?$/i.exec(parameter)?.[1])
    .find((value) => value !== undefined);
  return { type: type.toLowerCase(), version };
}
