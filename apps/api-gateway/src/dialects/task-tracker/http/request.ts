import { PayloadTooLargeException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { receivedBody } from '../../../http/received-body';
import { BodyTooLarge, Refusal } from './answer';

/** Bytes of a body at most. */
export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

const DECIMAL = /^[+-]?\d+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The bytes of the body, whatever Content-Type they came under; none when it has none.
 * @throws BodyTooLarge
 */
export function bodyOf(request: FastifyRequest): Buffer {
  try {
    return receivedBody(request)?.raw(BODY_LIMIT_BYTES) ?? Buffer.alloc(0);
  } catch (error) {
    if (error instanceof PayloadTooLargeException) throw new BodyTooLarge();
    throw error;
  }
}

/** A decimal integer of 64 bits, as `7`, `+7`, `007`; why it is none, otherwise. */
export function readInt64(text: string): bigint | 'invalid syntax' | 'value out of range' {
  if (!DECIMAL.test(text)) return 'invalid syntax';
  const digits = text.replace(/^[+-]?0*/, '');
  if (digits.length > 19) return 'value out of range';
  const value = text.startsWith('-') ? -BigInt(digits) : BigInt(digits);
  return value === BigInt.asIntN(64, value) ? value : 'value out of range';
}

/**
 * An id in a path. One that no row can have is an id like any other: there is nothing under it.
 * @throws Refusal with this message
 */
export function pathId(value: string, message: string, status = 400): bigint {
  const id = readInt64(value);
  if (typeof id === 'string') throw new Refusal(status, message);
  return id;
}

/** What a worker says who it is. A secret that is no base64 is that of nobody, like every empty one. */
export interface WorkerCredentials {
  id: bigint;
  secret: Buffer;
}

/** @returns what is wrong with the headers, as clients are told, when they name nobody */
export function workerHeaders({ headers }: Pick<FastifyRequest, 'headers'>): WorkerCredentials | { fault: string } {
  const id = String(headers['x-worker-id'] ?? '');
  const secret = String(headers['x-secret'] ?? '');
  if (id === '') return { fault: 'worker id not specified' };
  if (secret === '') return { fault: 'secret is not specified' };
  const number = readInt64(id);
  if (typeof number === 'string') return { fault: `strconv.ParseInt: parsing ${JSON.stringify(id)}: ${number}` };
  return { id: number, secret: Buffer.from(BASE64.test(secret) ? secret : '', 'base64') };
}

/** The token of the manager's session, from the cookie of this name. */
export function sessionOf({ headers }: Pick<FastifyRequest, 'headers'>, cookieName: string): string | undefined {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const split = pair.indexOf('=');
    if (split < 0 || pair.slice(0, split).trim() !== cookieName) continue;
    const value = pair.slice(split + 1).trim();
    if (value !== '') return value;
  }
  return undefined;
}

/**
 * Whether a page of another site sent the request with the cookie of somebody who looks at it. Browsers tell by Sec-Fetch-Site; older ones
 * name the page's origin. Programs send neither.
 */
export function comesFromAnotherSite({ headers, host }: Pick<FastifyRequest, 'headers' | 'host'>): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site') return true;
  if (site === 'same-origin' || site === 'none') return false;
  const { origin } = headers;
  // a picture or a link of a neighbour sends none
  if (origin === undefined) return site === 'same-site';
  return !URL.canParse(origin) || new URL(origin).host !== host.toLowerCase();
}
