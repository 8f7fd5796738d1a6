import { IsOptional, IsString } from 'class-validator';
import { IsFlag } from './flag';

/** Body of PUT /scheduler. */
export class SwitchScheduleDto {
  @IsOptional()
  @IsString({ message: 'must be a string' })
  client?: string;

  @IsString({ message: 'must be the name of a schedule' })
  schedule!: string;

  @IsFlag()
  active!: unknown;
}
