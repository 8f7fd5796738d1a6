/** A fault of the local bring-up that its reader can mend: shown as one message, without a stack. */
export class LocalError extends Error {
  override readonly name = 'LocalError';
}

/** The text to show for whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
