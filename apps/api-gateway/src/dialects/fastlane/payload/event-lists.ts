import { MAX_RETRIES, requireObject } from '@task-engine/dto';
import { RUN_EVENTS, type RunEventName, type Webhook } from '@task-engine/engine';
import { parseHttpUrl } from '@task-engine/workflows';
import { invalid } from './invalid';

/** Entries of one list at most. */
const MAX_ENTRIES = 100;

/** Something before an @ and something with a dot or without behind it, and nothing that could end the line of a mail's header. */
const MAIL_ADDRESS = /^[^\s@<>()[\]\\,;:"\p{Cc}]{1,64}@[^\s@<>()[\]\\,;:"\p{Cc}]{1,189}$/u;

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]{1,256}$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]{0,8192}$/;

/** Headers that belong to the connection and to the body as they are sent. */
const RESERVED_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** @throws DomainError invalid_parameter */
export function readNotify(value: Record<string, unknown>): Record<RunEventName, string[]> {
  return readLists(value, 'notify', (entry, path) => {
    if (typeof entry !== 'string' || !MAIL_ADDRESS.test(entry)) throw invalid(path, 'must be an e-mail address');
    return entry;
  });
}

/** @throws DomainError invalid_parameter */
export function readWebhooks(value: Record<string, unknown>): Record<RunEventName, Webhook[]> {
  return readLists(value, 'webhooks', readWebhook);
}

/** An entry without an address is skipped, as ever; `method` is taken and means nothing: it is always POST. */
function readWebhook(entry: unknown, path: string): Webhook | undefined {
  const { url, headers, retries } = requireObject(entry, `Invalid parameter: ${path} must be an object`);
  if (url === undefined || url === null || url === '') return undefined;
  if (retries !== undefined && retries !== null && !isRetries(retries))
    throw invalid(`${path}.retries`, `must be a whole number from 0 to ${MAX_RETRIES}`);
  return {
    url: parseHttpUrl(url, `${path}.url`),
    headers: readHeaders(headers ?? {}, `${path}.headers`),
    retries: retries ?? 0,
  };
}

function isRetries(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_RETRIES;
}

function readHeaders(value: unknown, path: string): Record<string, string> {
  const entries = Object.entries(requireObject(value, `Invalid parameter: ${path} must be an object`));
  if (entries.length > MAX_ENTRIES) throw invalid(path, `must have at most ${MAX_ENTRIES} entries`);
  const headers = entries.map(([name, content]): [string, string] => {
    if (!HEADER_NAME.test(name)) throw invalid(path, 'must have the names of headers as keys');
    if (RESERVED_HEADERS.has(name.toLowerCase())) throw invalid(`${path}.${name}`, 'cannot be set');
    const text = typeof content === 'number' || typeof content === 'boolean' ? String(content) : content;
    if (typeof text !== 'string' || !HEADER_VALUE.test(text))
      throw invalid(`${path}.${name}`, 'must be a string that a header can hold');
    return [name, text];
  });
  return Object.fromEntries(headers);
}

function readLists<Entry>(
  value: Record<string, unknown>,
  name: string,
  read: (entry: unknown, path: string) => Entry | undefined,
): Record<RunEventName, Entry[]> {
  const listOf = (event: RunEventName): Entry[] => {
    const list = Object.hasOwn(value, event) ? (value[event] ?? []) : [];
    const path = `${name}.${event}`;
    if (!Array.isArray(list)) throw invalid(path, 'must be a list');
    if (list.length > MAX_ENTRIES) throw invalid(path, `must have at most ${MAX_ENTRIES} entries`);
    return list.map((entry, index) => read(entry, `${path}[${index}]`)).filter((entry) => entry !== undefined);
  };
  return Object.fromEntries(RUN_EVENTS.map((event) => [event, listOf(event)])) as Record<RunEventName, Entry[]>;
}
