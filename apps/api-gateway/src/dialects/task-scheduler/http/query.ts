import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { checkText } from '../../../http/json-text';
import { invalidQuery } from './refusal';

/** Rows of a list that are asked for at most. */
const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 20;
/** The largest number there is: so the offset of a page is one that PostgreSQL knows. */
const LARGEST = 999_999_999_999_999;

/** Parameters of the query, each given once; empty ones count as not given, as forms send them. */
export type QueryValues = ReadonlyMap<string, string>;

export const Query = createParamDecorator((_: unknown, context: ExecutionContext): QueryValues =>
  singleValues(context.switchToHttp().getRequest<FastifyRequest>().query as Record<string, unknown>),
);

/** @throws Refusal for a repeated parameter and for text that cannot be stored */
export function singleValues(query: Record<string, unknown>): QueryValues {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(query)) {
    if (typeof value !== 'string') throw invalidQuery(name, 'must be given once');
    if (!isStorable(value)) throw invalidQuery(name, 'holds characters that no text can have');
    if (value !== '') values.set(name, value);
  }
  return values;
}

function isStorable(text: string): boolean {
  try {
    checkText(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * A whole number of the query. One that is too large is taken for the largest there is.
 * @throws Refusal
 */
export function wholeNumber(
  values: QueryValues,
  name: string,
  limits: { min: number; max?: number; standard: number },
): number {
  const text = values.get(name);
  if (text === undefined) return limits.standard;
  const number = /^\d+$/.test(text) ? Number(text) : -1;
  if (number < limits.min) throw invalidQuery(name, `must be a whole number from ${limits.min}`);
  return Math.min(number, limits.max ?? LARGEST);
}

/** @throws Refusal unless it is one of the words, or not given */
export function choice<Word extends string>(
  values: QueryValues,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = values.get(name);
  if (text === undefined) return undefined;
  const word = words.find((known) => known === text);
  if (word === undefined) throw invalidQuery(name, `must be one of ${words.join(', ')}`);
  return word;
}

/** A page of a list. */
export interface Page {
  page: number;
  limit: number;
  /** Rows before it. */
  offset: number;
}

/** @throws Refusal */
export function pageOf(values: QueryValues): Page {
  const page = wholeNumber(values, 'page', { min: 1, standard: 1 });
  const limit = wholeNumber(values, 'limit', { min: 1, max: MAX_LIMIT, standard: DEFAULT_LIMIT });
  return { page, limit, offset: (page - 1) * limit };
}

/** What an answer says of the page that it is. */
export function pageMeta({ page, limit }: Page, total: number) {
  return { page, limit, total, pages: Math.ceil(total / limit) };
}
