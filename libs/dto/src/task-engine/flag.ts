import { ValidateBy, type ValidationOptions } from 'class-validator';

const FLAGS = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  [1, true],
  [0, false],
  ['1', true],
  ['0', false],
  ['true', true],
  ['false', false],
]);

/** A yes or no as old clients write it: true, 1, "1", "true" and their opposites. Undefined for anything else. */
export function readFlag(value: unknown): boolean | undefined {
  return FLAGS.get(typeof value === 'string' ? value.toLowerCase() : value);
}

export function IsFlag(options: ValidationOptions = {}): PropertyDecorator {
  return ValidateBy(
    { name: 'isFlag', validator: { validate: (value) => readFlag(value) !== undefined } },
    { message: 'must be true or false', ...options },
  );
}
