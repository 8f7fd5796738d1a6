import { getMetadataStorage, ValidateBy, ValidateIf, validateSync } from 'class-validator';

/** A field with one rule; `message` completes the sentence `<name> ...`. */
export function Field(holds: (value: unknown) => boolean, message: string): PropertyDecorator {
  return ValidateBy(
    { name: 'field', validator: { validate: holds } },
    { message: ({ value }) => (value === undefined ? 'is required' : message) },
  );
}

/** As `Field`, for one that may be left out; null is no way of leaving it out. */
export function OptionalField(holds: (value: unknown) => boolean, message: string): PropertyDecorator {
  const given = ValidateIf((_, value) => value !== undefined);
  const field = Field(holds, message);
  return (target, name) => {
    given(target, name);
    field(target, name);
  };
}

/**
 * Copies the fields that `Dto` declares out of untrusted data and checks all of them; others are left behind.
 * @returns the checked fields, or what is wrong with each that is
 */
export function readFields<Dto extends object>(
  Dto: new () => Dto,
  value: Record<string, unknown>,
): { fields: Dto } | { faults: Record<string, string> } {
  const fields = new Dto();
  const declared = getMetadataStorage().getTargetValidationMetadatas(Dto, '', true, false);
  for (const { propertyName: name } of declared) {
    if (Object.hasOwn(value, name)) (fields as Record<string, unknown>)[name] = value[name];
  }
  const faults = validateSync(fields, { stopAtFirstError: true });
  if (faults.length === 0) return { fields };
  return {
    faults: Object.fromEntries(
      faults.map(({ property, constraints }) => [property, Object.values(constraints ?? {})[0] ?? 'is wrong']),
    ),
  };
}
