import { TaskFailure, type Json, type JsonObject } from '@task-engine/domain';
import { OutboundBlocked, OutboundError, type OutboundHttp } from '@task-engine/platform';
import { z } from 'zod';
import type { Executor } from './executor';
import { handler, throwIfAborted } from './handler';
import { shownUrl } from './shown-url';

/** A task output is a database row, so the reply has a bound. */
const MAX_REPLY_BYTES = 1024 * 1024;

const schema = z.object({
  method: z
    .string()
    .regex(/^[A-Za-z]+$/)
    .default('GET')
    .transform((method) => method.toUpperCase()),
  url: z.string(),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
  body: z.unknown().optional(),
  expect: z.array(z.number().int()).optional(),
  result: z.string().optional(),
});

/**
 * `http`: one guarded request. The output is the part of the JSON reply that `result` names (`a.b.0`), `{ value }` when that part is no
 * object, `{}` when nothing is asked for. Network errors, time-outs, 408, 429 and 5xx are retryable, other answers final.
 */
export function httpExecutor(outbound: OutboundHttp): Executor {
  const http = handler('http', schema, async ({ method, url, headers, body, expect, result }, context) => {
    const subject = `${method} ${shownUrl(url)}`;
    const isText = typeof body === 'string';
    const hasType = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
    const reply = await outbound
      .request({
        method,
        url,
        headers: body === undefined || isText || hasType ? headers : { ...headers, 'content-type': 'application/json' },
        body: body === undefined || isText ? body : JSON.stringify(body),
        maxReplyBytes: MAX_REPLY_BYTES,
        signal: context.signal,
      })
      .catch((error: unknown) => {
        throwIfAborted(context.signal);
        if (!(error instanceof OutboundError)) throw error;
        throw new TaskFailure(`${subject}: ${error.message}`, {
          retryable: !(error instanceof OutboundBlocked),
          cause: error,
        });
      });
    context.log('INFO', `${subject}: ${reply.status}`);
    if (!(expect ? expect.includes(reply.status) : reply.status >= 200 && reply.status < 300)) {
      throw new TaskFailure(`${subject}: ${reply.status}`, { retryable: isTransient(reply.status) });
    }
    if (result === undefined) return {};
    if (reply.truncated) throw new TaskFailure(`${subject}: reply is larger than 1 MB`, { retryable: false });
    return selectPart(subject, reply.body.toString('utf8'), result);
  });
  return { ...http, withoutFiles: true };
}

/** Answers that another try may change. */
export function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function selectPart(subject: string, text: string, path: string): JsonObject {
  let value: Json | undefined;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new TaskFailure(`${subject}: reply is not JSON`, { retryable: false, cause });
  }
  for (const key of path.split('.').filter((part) => part !== '')) {
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined;
    if (value === undefined) throw new TaskFailure(`${subject}: reply has no ${path}`, { retryable: false });
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : { value };
}
