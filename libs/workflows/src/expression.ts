import jsep from 'jsep';
import type { Json } from '@task-engine/domain';

/** Values that an expression may name, by first name. */
export type Scope = Readonly<Record<string, Json | undefined>>;

/** A bad expression (found when it is compiled) or one that cannot be computed for the present values. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}

export interface Expression {
  readonly source: string;
  /** First names used, e.g. `parameters`. */
  readonly names: ReadonlySet<string>;
  /** Names used as `parameters.<name>`. */
  readonly parameters: ReadonlySet<string>;
  /** Names used as `tasks.<name>`. */
  readonly tasks: ReadonlySet<string>;
  /** Computes the value. Throws ExpressionError, e.g. when a list is compared with `<`. */
  evaluate(scope: Scope): Json;
}

/** Definitions are short; a longer text is a mistake, and the bound keeps the recursive parser within its stack. */
const MAX_LENGTH = 4000;

const BINARY = new Set(['==', '!=', '<', '<=', '>', '>=', '&&', '||', '??']);

/** Names through which JavaScript objects reach their prototypes. Never data here, so using one is a mistake or an attack. */
const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

type Node = jsep.Expression;

/**
 * Compiles an expression of workflow definitions: names, literals, lists, member access, the operators
 * `== != < <= > >= && || ! ?? ?:` and the functions of FUNCTIONS. Nothing can loop, assign or call into JavaScript:
 * the tree is checked against an allow-list here and walked by our own evaluator.
 */
export function compileExpression(source: string): Expression {
  if (source.length > MAX_LENGTH) throw new ExpressionError(`expression is longer than ${MAX_LENGTH} characters`);
  let tree: Node;
  try {
    tree = jsep(source);
  } catch (error) {
    throw new ExpressionError(`bad expression '${source}': ${(error as Error).message}`);
  }
  const uses = { names: new Set<string>(), parameters: new Set<string>(), tasks: new Set<string>() };
  check(tree, source, uses);
  return { source, ...uses, evaluate: (scope) => evaluate(tree, scope) };
}

interface Uses {
  names: Set<string>;
  parameters: Set<string>;
  tasks: Set<string>;
}

function check(node: Node, source: string, uses: Uses): void {
  const refuse = (why: string): never => {
    throw new ExpressionError(`bad expression '${source}': ${why}`);
  };
  const each = (...nodes: unknown[]): void => nodes.forEach((child) => check(child as Node, source, uses));
  switch (node.type) {
    case 'Literal': {
      const value = (node as jsep.Literal).value;
      if (typeof value === 'object' && value !== null) refuse('regular expressions are not part of the language');
      return;
    }
    case 'Identifier': {
      const name = (node as jsep.Identifier).name;
      if (RESERVED.has(name)) refuse(`unknown name '${name}'`);
      uses.names.add(name);
      if (name === 'tasks') refuse('tasks must be used as tasks.<name>.output');
      return;
    }
    case 'MemberExpression':
      return checkMember(node as jsep.MemberExpression, source, uses, refuse);
    case 'BinaryExpression':
    case 'LogicalExpression': {
      const { operator, left, right } = node as jsep.BinaryExpression;
      if (!BINARY.has(operator)) refuse(`operator '${operator}' is not part of the language`);
      return each(left, right);
    }
    case 'UnaryExpression': {
      const { operator, argument } = node as jsep.UnaryExpression;
      const negativeNumber = operator === '-' && argument.type === 'Literal' && typeof argument.value === 'number';
      if (operator !== '!' && !negativeNumber) refuse(`operator '${operator}' is not part of the language`);
      return each(argument);
    }
    case 'ConditionalExpression': {
      const { test, consequent, alternate } = node as jsep.ConditionalExpression;
      return each(test, consequent, alternate);
    }
    case 'ArrayExpression': {
      const { elements } = node as jsep.ArrayExpression;
      if (elements.some((element) => element === null)) refuse('a list entry is missing');
      return each(...elements);
    }
    case 'CallExpression': {
      const { callee, arguments: args } = node as jsep.CallExpression;
      const name = callee.type === 'Identifier' ? (callee as jsep.Identifier).name : '';
      const definition = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
      if (!definition) return refuse(`unknown function '${name}'`);
      const [least, most] = definition.arity;
      if (args.length < least || args.length > most) refuse(`wrong number of arguments for '${name}'`);
      return each(...args);
    }
    default:
      refuse(`${node.type === 'Compound' ? 'one expression expected' : `${node.type} is not part of the language`}`);
  }
}

function checkMember(node: jsep.MemberExpression, source: string, uses: Uses, refuse: (why: string) => never): void {
  if (node.optional) refuse(`operator '?.' is not needed: an absent field is null`);
  const field = staticField(node);
  if (field !== undefined && RESERVED.has(String(field))) refuse(`unknown name '${String(field)}'`);
  if (node.computed) check(node.property, source, uses);
  const root = node.object.type === 'Identifier' ? (node.object as jsep.Identifier).name : undefined;
  if (root === 'tasks') {
    if (typeof field !== 'string') return refuse('tasks must be used as tasks.<name>.output');
    uses.names.add('tasks');
    uses.tasks.add(field);
    return;
  }
  if (root === 'parameters' && typeof field === 'string') uses.parameters.add(field);
  check(node.object, source, uses);
}

function staticField(node: jsep.MemberExpression): string | number | undefined {
  if (!node.computed) return (node.property as jsep.Identifier).name;
  const { value } = node.property as jsep.Literal;
  return node.property.type === 'Literal' && (typeof value === 'string' || typeof value === 'number')
    ? value
    : undefined;
}

function evaluate(node: Node, scope: Scope): Json {
  switch (node.type) {
    case 'Literal':
      return (node as jsep.Literal).value as Json;
    case 'Identifier': {
      const name = (node as jsep.Identifier).name;
      const value = Object.hasOwn(scope, name) ? scope[name] : undefined;
      if (value === undefined) throw new ExpressionError(`unknown name '${name}'`);
      return value;
    }
    case 'MemberExpression': {
      const member = node as jsep.MemberExpression;
      const target = evaluate(member.object, scope);
      const field = member.computed ? evaluate(member.property, scope) : (member.property as jsep.Identifier).name;
      return readField(target, field);
    }
    case 'UnaryExpression': {
      const { operator, argument } = node as jsep.UnaryExpression;
      const value = evaluate(argument, scope);
      return operator === '!' ? !value : -(value as number);
    }
    case 'ConditionalExpression': {
      const { test, consequent, alternate } = node as jsep.ConditionalExpression;
      return evaluate(evaluate(test, scope) ? consequent : alternate, scope);
    }
    case 'ArrayExpression':
      return (node as jsep.ArrayExpression).elements.map((element) => evaluate(element as Node, scope));
    case 'CallExpression': {
      const { callee, arguments: args } = node as jsep.CallExpression;
      const name = (callee as jsep.Identifier).name;
      const call = FUNCTIONS[name]?.call;
      if (!call) throw new ExpressionError(`unknown function '${name}'`);
      return call(...args.map((argument) => evaluate(argument, scope)));
    }
    default:
      return evaluateBinary(node as jsep.BinaryExpression, scope);
  }
}

function evaluateBinary({ operator, left, right }: jsep.BinaryExpression, scope: Scope): Json {
  const a = evaluate(left, scope);
  if (operator === '&&') return a ? evaluate(right, scope) : a;
  if (operator === '||') return a ? a : evaluate(right, scope);
  if (operator === '??') return a ?? evaluate(right, scope);
  const b = evaluate(right, scope);
  if (operator === '==') return equal(a, b);
  if (operator === '!=') return !equal(a, b);
  const comparable =
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string');
  if (!comparable) throw new ExpressionError(`'${operator}' compares two numbers or two strings`);
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

/** Own fields only: `length`, `toString` and everything inherited are absent. */
function readField(target: Json, field: Json): Json {
  if (Array.isArray(target)) return Number.isInteger(field) ? (target[field as number] ?? null) : null;
  if (target === null || typeof target !== 'object') return null;
  return typeof field === 'string' && Object.hasOwn(target, field) ? (target[field] ?? null) : null;
}

function equal(a: Json, b: Json): boolean {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((entry, i) => equal(entry, b[i] ?? null))
    );
  }
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null))
  );
}

interface ExpressionFunction {
  readonly arity: readonly [number, number];
  readonly call: (...args: Json[]) => Json;
}

const FUNCTIONS: Readonly<Record<string, ExpressionFunction>> = {
  /** Entries of a list, characters of a string, fields of an object; 0 for null. */
  size: {
    arity: [1, 1],
    call: (value) => {
      if (value === null) return 0;
      if (typeof value === 'string' || Array.isArray(value)) return value.length;
      if (typeof value === 'object') return Object.keys(value).length;
      throw new ExpressionError('size needs a list, an object or a string');
    },
  },
  /** Whether a list holds the value, or a string the other string. */
  contains: {
    arity: [2, 2],
    call: (whole, part) => {
      if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part);
      return listOf(whole, 'contains').some((entry) => equal(entry, part));
    },
  },
  /** Whether two lists share an entry. */
  contains_any: {
    arity: [2, 2],
    call: (list, wanted) => {
      const others = listOf(wanted, 'contains_any');
      return listOf(list, 'contains_any').some((entry) => others.some((other) => equal(entry, other)));
    },
  },
  /** The part of a path after its last '/'. */
  basename: {
    arity: [1, 1],
    call: (path) => {
      if (path === null) return null;
      if (typeof path !== 'string') throw new ExpressionError('basename needs a string');
      return path.slice(path.lastIndexOf('/') + 1);
    },
  },
  /** Entries of a list as one string; null entries are left out. */
  join: {
    arity: [2, 2],
    call: (list, separator) => {
      if (typeof separator !== 'string') throw new ExpressionError('join needs a string between the entries');
      return listOf(list, 'join')
        .filter((entry) => entry !== null)
        .map((entry) => {
          if (typeof entry === 'object') throw new ExpressionError('join needs a list of simple values');
          return String(entry);
        })
        .join(separator);
    },
  },
  /** The first argument that is not null. */
  coalesce: { arity: [1, 20], call: (...values) => values.find((value) => value !== null) ?? null },
};

function listOf(value: Json, name: string): Json[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw new ExpressionError(`${name} needs a list`);
  return value;
}
