/** Quotes that do not close. */
export class UnbalancedQuotes extends Error {
  override name = 'UnbalancedQuotes';
}

/** What a backslash keeps its meaning before, inside double quotes; before anything else there it is a backslash. */
const ESCAPABLE_IN_DOUBLE_QUOTES = '$`"\\\n';

/** A carriage return divides words although no shell sees it so: commands written on Windows end with one, and upstream drops it. */
const BLANKS = ' \t\r\n';

/**
 * Splits a command line into words as a POSIX shell does: single quotes, double quotes, backslashes, a backslash at the end of a line. Nothing is
 * expanded and no operator is known: `$HOME`, `*`, `|` and `#` stand for themselves.
 * @throws UnbalancedQuotes
 */
export function splitCommand(command: string): string[] {
  const words: string[] = [];
  /** Undefined between words; `''` is a word that quotes began. */
  let word: string | undefined;
  let at = 0;
  while (at < command.length) {
    const character = command[at] ?? '';
    at += 1;
    if (BLANKS.includes(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'") {
      const end = command.indexOf("'", at);
      if (end < 0) throw new UnbalancedQuotes(`Unbalanced single quote at position ${at} of the command.`);
      word = (word ?? '') + command.slice(at, end);
      at = end + 1;
    } else if (character === '"') {
      const quoted = inDoubleQuotes(command, at);
      word = (word ?? '') + quoted.text;
      at = quoted.end;
    } else if (character === '\\') {
      const escaped = command[at];
      at += 1;
      if (escaped === '\n') continue;
      // A backslash that is the last character is one, as in sh.
      word = (word ?? '') + (escaped ?? '\\');
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** @param from position behind the opening quote; `end` is the one behind the closing quote */
function inDoubleQuotes(command: string, from: number): { text: string; end: number } {
  let text = '';
  for (let at = from; at < command.length; at += 1) {
    const character = command[at] ?? '';
    if (character === '"') return { text, end: at + 1 };
    const next = command[at + 1];
    if (character === '\\' && next !== undefined && ESCAPABLE_IN_DOUBLE_QUOTES.includes(next)) {
      if (next !== '\n') text += next;
      at += 1;
    } else {
      text += character;
    }
  }
  throw new UnbalancedQuotes(`Unbalanced double quote at position ${from} of the command.`);
}
