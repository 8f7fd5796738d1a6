import { Allow, IsBoolean, IsObject, IsOptional, IsString, ValidateBy, ValidateIf } from 'class-validator';
import { isImageName } from './image-name';
import { MIN_MEMORY_BYTES, readMemorySize } from './memory-size';
import { readStartIn, readUnixSeconds } from './start-time';

/** What Linux takes as one argument or one variable of a process, without its final NUL. */
export const MAX_ARGUMENT_BYTES = 131_071;
export const MAX_RETRIES = 1_000;
const MAX_LIMIT = 1_000_000;

const Is = (name: string, validate: (value: unknown) => boolean, message: string) =>
  ValidateBy({ name, validator: { validate } }, { message });

/** A field that is there has to hold a value: null is no way of leaving it out. */
const given = (name: keyof EnqueueDto) => ValidateIf((dto: EnqueueDto) => dto[name] !== undefined);

const IsMoment = () =>
  Is(
    'isMoment',
    (value) => readUnixSeconds(value) !== undefined,
    'must be a time in seconds since 1970, up to the year 9999',
  );

const IsWhole = (min: number, max: number) =>
  Is(
    'isWhole',
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    `must be a whole number from ${min} to ${max}`,
  );

const isTimeZone = (value: unknown) => {
  if (typeof value !== 'string' || !/^[A-Za-z][\w/+-]{0,63}$/.test(value)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
};

const isArgument = (value: unknown) => typeof value === 'string' && Buffer.byteLength(value) <= MAX_ARGUMENT_BYTES;

/** Body of POST /tasks/:task/ and PUT /tasks/:task/jobs/:job/, the fields behind `additionalDNSEntries` being ours, like `timezone`. */
export class EnqueueDto {
  @Is('isImage', isImageName, 'must be the name of an image: [registry[:port]/]name[:tag][@digest]')
  image!: string;

  @Is('isCommand', isArgument, `must be a string of at most ${MAX_ARGUMENT_BYTES} bytes`)
  command!: string;

  @IsOptional()
  @IsObject({ message: 'must be an object' })
  envs?: Record<string, unknown> | null;

  @IsOptional()
  @Is('isStartIn', (value) => readStartIn(value) !== undefined, 'must be a text like 1h30m10s, of 100 years at most')
  startIn?: string | null;

  @IsOptional()
  @IsMoment()
  startAt?: number | string | null;

  @IsOptional()
  @IsString({ message: 'must be a cron expression of 5 or 6 fields' })
  cron?: string | null;

  @IsOptional()
  @Is('isTimeZone', isTimeZone, 'must be the name of a time zone like Europe/Berlin')
  timezone?: string | null;

  /** Anything but an object counts as not given. */
  @Allow()
  metadata?: unknown;

  @given('retries')
  @IsWhole(0, MAX_RETRIES)
  retries?: number;

  @IsOptional()
  @IsMoment()
  expiration?: number | string | null;

  @given('timeout')
  @Is('isTimeout', (value) => Number.isFinite(value), 'must be a number of seconds')
  timeout?: number;

  @IsOptional()
  @IsObject({ message: 'must be an object' })
  notify?: Record<string, unknown> | null;

  @IsOptional()
  @IsObject({ message: 'must be an object' })
  webhooks?: Record<string, unknown> | null;

  @IsOptional()
  @IsObject({ message: 'must be an object of host names and their addresses' })
  additionalDNSEntries?: Record<string, unknown> | null;

  @IsOptional()
  @IsBoolean({ message: 'must be true or false' })
  retryOnPullFailure?: boolean | null;

  @IsOptional()
  @Is(
    'isMemory',
    (value) => readMemorySize(value) !== undefined,
    `must be a number of bytes or a text like 256m or 1g, of at least ${MIN_MEMORY_BYTES} bytes`,
  )
  memory?: number | string | null;

  @IsOptional()
  @Is(
    'isCpus',
    (value) => typeof value === 'number' && value >= 0.01 && value <= 10_000,
    'must be a number of processors, at least 0.01',
  )
  cpus?: number | null;

  @IsOptional()
  @IsWhole(1, MAX_LIMIT)
  maxKeptExecutions?: number | null;

  @IsOptional()
  @IsWhole(0, MAX_LIMIT)
  maxConcurrentExecutions?: number | null;
}
