import { Allow, IsObject, IsOptional, IsString } from 'class-validator';
import { IsFlag } from './flag';

/** Body of POST /job. The engine checks what the fields of the job and its parameters hold. */
export class SubmitJobDto {
  /** The tenant; the header `client` may say it instead. */
  @IsOptional()
  @IsString({ message: 'must be a string' })
  client?: string;

  @IsOptional()
  @IsObject({ message: 'must be an object' })
  job?: object;

  @Allow()
  parameters?: unknown;
}

/** `job` in the body of POST /job. */
export class SubmittedJobDto {
  @Allow()
  workflow?: unknown;

  @Allow()
  priority?: unknown;

  @Allow()
  run_at?: unknown;

  @Allow()
  semaphore_url?: unknown;

  /** The spelling of the published update endpoint. */
  @Allow()
  sempahore_url?: unknown;

  @IsOptional()
  @IsFlag()
  persist?: unknown;
}
