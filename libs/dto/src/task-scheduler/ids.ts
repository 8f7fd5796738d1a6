/** Largest id of a row. */
const MAX_BIGINT = 9_223_372_036_854_775_807n;
const NUMBER = /^[1-9]\d{0,18}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export type RowKind = 'task' | 'webhook' | 'delivery';

/** `task-123`: the row's number behind what it is. */
export function rowId(kind: RowKind, id: string): string {
  return `${kind}-${id}`;
}

/** The number of a row, undefined for what is no id of such a row. */
export function readRowId(kind: RowKind, text: string): string | undefined {
  if (!text.startsWith(`${kind}-`)) return undefined;
  const number = text.slice(kind.length + 1);
  return NUMBER.test(number) && BigInt(number) <= MAX_BIGINT ? number : undefined;
}

export function workerId(uuid: string): string {
  return `worker-${uuid}`;
}

/** The UUID in `worker-<uuid>`, undefined for anything else. */
export function readWorkerId(text: string): string | undefined {
  const uuid = text.slice('worker-'.length);
  return text.startsWith('worker-') && UUID.test(uuid) ? uuid.toLowerCase() : undefined;
}
