import { IsIn, IsOptional, Matches, MaxLength, ValidateBy } from 'class-validator';
import { IsFlag } from './flag';
import { dayOrInstant } from './time-range';

/** Rows in one answer of GET /jobs at most. More is refused: a list cut in silence would pass for the whole. */
export const MAX_LIMIT = 10_000;
export const DEFAULT_LIMIT = 10;
/** Ids in job_ids at most. */
const MAX_IDS = 1_000;

/** Properties of a job that a list may be ordered by. */
export const ORDER_FIELDS = [
  'id',
  'client',
  'workflow',
  'priority',
  'position',
  'top_of_queue',
  'created_at',
  'updated_at',
  'queue_state',
  'failed',
  'run_at',
] as const;

const IsLimit = () =>
  ValidateBy(
    {
      name: 'isLimit',
      validator: {
        validate: (text: string) => /^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_LIMIT,
      },
    },
    { message: `must be an integer from 1 to ${MAX_LIMIT}` },
  );

const IsJobIds = () =>
  ValidateBy(
    { name: 'isJobIds', validator: { validate: (text: string) => readJobIds(text) !== undefined } },
    { message: `must be at most ${MAX_IDS} job ids, separated by commas` },
  );

const IsTime = () =>
  ValidateBy(
    { name: 'isTime', validator: { validate: (text: string) => dayOrInstant(text) !== undefined } },
    { message: 'must be a UTC time like 2024-01-31T10:00:00.000 or a day like 2024-01-31' },
  );

/** Query of GET /jobs: texts that were given once and are not empty. */
export class JobListQuery {
  @IsOptional()
  @IsLimit()
  limit?: string;

  /** The 2020 edition's name of `limit`, which wins. */
  @IsOptional()
  @IsLimit()
  items?: string;

  @IsOptional()
  @IsIn(ORDER_FIELDS, { message: `must be one of ${ORDER_FIELDS.join(', ')}` })
  order_by?: (typeof ORDER_FIELDS)[number];

  @IsOptional()
  @IsFlag({ message: 'must be 1 or 0' })
  asc?: string;

  @IsOptional()
  @Matches(/^[0-6]$/, { message: 'must be an integer from 0 to 6' })
  state?: string;

  @IsOptional()
  @IsTime()
  from?: string;

  @IsOptional()
  @IsTime()
  to?: string;

  @IsOptional()
  @IsFlag({ message: 'must be 1 or 0' })
  failed?: string;

  @IsOptional()
  @MaxLength(1_000, { message: 'must have at most 1000 characters' })
  search?: string;

  @IsOptional()
  @IsJobIds()
  job_ids?: string;

  @IsOptional()
  @MaxLength(200, { message: 'must have at most 200 characters' })
  client?: string;

  @IsOptional()
  @IsFlag({ message: 'must be 1 or 0' })
  persist?: string;
}

/** Ids of a comma-separated list, undefined when one of them is none. */
export function readJobIds(text: string): string[] | undefined {
  const ids = text
    .split(',')
    .map((id) => id.trim())
    .filter((id) => id !== '');
  return ids.length > 0 && ids.length <= MAX_IDS && ids.every(isJobId) ? [...new Set(ids)] : undefined;
}

/** A positive integer that JSON numbers carry without loss: GET bodies show ids as numbers. */
export function isJobId(text: string): boolean {
  return /^[1-9]\d{0,15}$/.test(text) && Number.isSafeInteger(Number(text));
}
