import { IsOptional, IsString, Length, ValidateBy } from 'class-validator';

const isSettingValue = (value: unknown) =>
  (typeof value === 'string' && value.length <= 10_000) || typeof value === 'number' || typeof value === 'boolean';

/** Body of POST /settings. */
export class ChangeSettingDto {
  @IsOptional()
  @IsString({ message: 'must be a string' })
  client?: string;

  @IsString({ message: 'must be the name of a setting' })
  @Length(1, 200, { message: 'must have 1 to 200 characters' })
  name!: string;

  @ValidateBy(
    { name: 'isSettingValue', validator: { validate: isSettingValue } },
    { message: 'must be a string of at most 10000 characters, a number or a boolean' },
  )
  setting!: string | number | boolean;
}
