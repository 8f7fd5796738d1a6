import pino, { type DestinationStream } from 'pino';

import { logContext } from './log-context';
import { isSecretKey, maskText, redact } from './secrets';

type Fields = Record<string, unknown>;

/** JSON log lines. Inject it by this class. Pass errors as `{ err }`. Fields under secret-looking names are masked. */
export abstract class Log {
  abstract debug(fields: Fields | string, message?: string): void;
  abstract info(fields: Fields | string, message?: string): void;
  abstract warn(fields: Fields | string, message?: string): void;
  abstract error(fields: Fields | string, message?: string): void;
  abstract fatal(fields: Fields | string, message?: string): void;
}

export interface LogOptions {
  /** Name of the app. */
  name: string;
  level: string;
  /** Standard output unless given. Written synchronously: a line is out before a crash. */
  destination?: DestinationStream;
}

export function createLog({ name, level, destination }: LogOptions): Log {
  const options: pino.LoggerOptions = {
    level,
    base: { app: name, pid: process.pid },
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => ({ ...logContext() }),
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => redactFields(fields),
    },
    serializers: { err: serializeError },
    hooks: {
      logMethod(parameters, method) {
        method.apply(
          this,
          parameters.map((each: unknown) => (typeof each === 'string' ? maskText(each) : each)) as typeof parameters,
        );
      },
    },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** `err` is left to its serializer: a plain copy would lose the message and the stack. */
function redactFields(fields: Fields): Fields {
  const { err, ...rest } = fields;
  const shown = redact(rest) as Fields;
  return err === undefined ? shown : { ...shown, err };
}

interface ShownError {
  type: string;
  message: string;
  stack?: string;
  cause?: ShownError;
  [key: string]: unknown;
}

/** Type, message, stack, causes and simple own fields (`code`, `status`) of an error. */
function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return redact(error);
  const shown: ShownError = { type: error.name, message: maskText(error.message), stack: maskText(error.stack ?? '') };
  for (const [key, value] of Object.entries(error)) {
    const simple = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    // drivers put whole queries and their parameters into errors
    if (simple && !isSecretKey(key) && !(key in shown) && key !== 'query' && key !== 'detail')
      shown[key] = redact(value);
  }
  if (error.cause instanceof Error && depth < 3) shown.cause = serializeError(error.cause, depth + 1) as ShownError;
  return shown;
}
