import { Allow, IsIn, IsOptional, IsString, ValidateIf } from 'class-validator';
import { IsFlag } from './flag';

/** States that a caller may ask for. */
export const REQUESTED_STATES = ['paused', 'broken', 'queued'] as const;

/** A field that is there has to hold a value: null is no way of leaving it out. */
const given = (name: keyof UpdateJobDto) => ValidateIf((dto: UpdateJobDto) => dto[name] !== undefined);

/** Body of PUT /jobs/:id, PUT /job/:id and PATCH /jobs/:id. */
export class UpdateJobDto {
  /** The tenant, not a change. */
  @IsOptional()
  @IsString({ message: 'must be a string' })
  client?: string;

  @given('queue_state')
  @IsIn(REQUESTED_STATES, { message: `must be one of ${REQUESTED_STATES.join(', ')}` })
  queue_state?: (typeof REQUESTED_STATES)[number];

  @given('run_at')
  @IsString({ message: 'must be a UTC time like 2024-01-31T10:00:00.000' })
  run_at?: string;

  @Allow()
  priority?: unknown;

  /** Null takes the semaphore away. */
  @Allow()
  semaphore_url?: unknown;

  /** The spelling of the published documents. */
  @Allow()
  sempahore_url?: unknown;

  @given('persist')
  @IsFlag()
  persist?: unknown;
}
