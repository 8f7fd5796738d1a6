import { readRowId, readWorkerId } from '@task-engine/dto';
import { notFound } from './refusal';

/** Ids in paths. What is no id names nothing, like an id that nothing has. @throws Refusal */
export function taskIdOf(text: string): string {
  const id = readRowId('task', text);
  if (id === undefined) throw notFound('Task');
  return id;
}

export function webhookIdOf(text: string): string {
  const id = readRowId('webhook', text);
  if (id === undefined) throw notFound('Webhook');
  return id;
}

export function deliveryIdOf(text: string): string {
  const id = readRowId('delivery', text);
  if (id === undefined) throw notFound('Delivery');
  return id;
}

export function workerIdOf(text: string): string {
  const id = readWorkerId(text);
  if (id === undefined) throw notFound('Worker');
  return id;
}
