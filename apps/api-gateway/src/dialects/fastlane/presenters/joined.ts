import { LongText } from '@task-engine/engine';

/** A text, or one that is read as it is sent. */
export type Part = string | Pick<LongText, 'parts'>;

/** Texts as one, which is long when one of them is. */
export function joined(texts: (string | LongText)[]): string | LongText {
  if (texts.every((text) => typeof text === 'string')) return texts.join('');
  const bytes = texts.map((text) => (typeof text === 'string' ? Buffer.byteLength(text) : text.bytes));
  return new LongText(
    bytes.reduce((sum, each) => sum + each, 0),
    () => partsOf(texts),
  );
}

/** In their order. */
export async function* partsOf(texts: Part[]): AsyncGenerator<string> {
  for (const text of texts) {
    if (typeof text === 'string') yield text;
    else yield* text.parts();
  }
}
