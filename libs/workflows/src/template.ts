import type { Json, JsonObject } from '@task-engine/domain';
import { compileExpression, ExpressionError, type Expression, type Scope } from './expression';

type Part = string | Expression;

/** Compiled texts, by source. Definitions are few; the bound only guards against a program that makes texts up. */
const compiled = new Map<string, readonly Part[]>();
const MAX_COMPILED = 5000;

/** Whether a value is a text with at least one `${...}`. */
export function isTemplate(value: unknown): value is string {
  return typeof value === 'string' && compileTemplate(value).some((part) => typeof part !== 'string');
}

/** Every expression inside a value, however deep. Throws ExpressionError when one is bad. */
export function expressionsOf(value: Json | undefined): Expression[] {
  if (typeof value === 'string')
    return compileTemplate(value).filter((part): part is Expression => typeof part !== 'string');
  if (Array.isArray(value)) return value.flatMap(expressionsOf);
  if (value !== null && typeof value === 'object') return Object.values(value).flatMap(expressionsOf);
  return [];
}

/**
 * Renders every text inside a value. A text that is exactly one `${...}` keeps the value's type. What an expression yields
 * is data and is not looked at again, so a `${` in submitted values stays as it is.
 */
export function renderTemplate(value: Json, scope: Scope): Json {
  if (typeof value === 'string') return renderText(value, scope);
  if (Array.isArray(value)) return value.map((entry) => renderTemplate(entry, scope));
  if (value !== null && typeof value === 'object') return renderObject(value, scope);
  return value;
}

export function renderObject(value: JsonObject, scope: Scope): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, renderTemplate(entry, scope)]));
}

function renderText(text: string, scope: Scope): Json {
  const parts = compileTemplate(text);
  const [only] = parts;
  if (parts.length === 1 && typeof only === 'object') return only.evaluate(scope);
  return parts.map((part) => (typeof part === 'string' ? part : textOf(part, scope))).join('');
}

function textOf(expression: Expression, scope: Scope): string {
  const value = expression.evaluate(scope);
  if (value === null) return '';
  if (typeof value === 'object')
    throw new ExpressionError(`'${expression.source}' is a list or object and cannot stand inside a text`);
  return String(value);
}

function compileTemplate(text: string): readonly Part[] {
  let parts = compiled.get(text);
  if (!parts) {
    parts = parse(text);
    if (compiled.size >= MAX_COMPILED) compiled.clear();
    compiled.set(text, parts);
  }
  return parts;
}

/** Splits at `${...}`; `$${` stands for a literal `${`. A `}` inside quotes does not end the expression. */
function parse(text: string): Part[] {
  const parts: Part[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    if (text.startsWith('$${', at)) {
      literal += '${';
      at += 3;
    } else if (text.startsWith('${', at)) {
      const end = closingBrace(text, at + 2);
      if (literal) parts.push(literal);
      literal = '';
      parts.push(compileExpression(text.slice(at + 2, end)));
      at = end + 1;
    } else {
      literal += text[at];
      at += 1;
    }
  }
  if (literal || parts.length === 0) parts.push(literal);
  return parts;
}

function closingBrace(text: string, from: number): number {
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const character = text[at] as string;
    if (quote) {
      if (character === '\\') at += 1;
      else if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '}') return at;
  }
  throw new ExpressionError(`'\${' without '}' in '${text}'`);
}
