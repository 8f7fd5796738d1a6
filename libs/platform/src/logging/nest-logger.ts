import type { LoggerService, LogLevel } from '@nestjs/common';

import type { Log } from './log';

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/**
 * Turns what Nest and `new Logger(X.name)` write into lines of our log. Nest calls with (message, ...more, context), errors with
 * (message, stack, context).
 */
export class NestLogger implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, ...more: unknown[]): void {
    const context = more.at(-1);
    // one line per provider and route at each start says nothing that the code does not say
    const noise =
      typeof context === 'string' && ['InstanceLoader', 'RoutesResolver', 'RouterExplorer'].includes(context);
    this.write(noise ? 'debug' : 'info', message, more);
  }

  error(message: unknown, ...more: unknown[]): void {
    this.write('error', message, more);
  }

  warn(message: unknown, ...more: unknown[]): void {
    this.write('warn', message, more);
  }

  debug(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }

  verbose(message: unknown, ...more: unknown[]): void {
    this.write('debug', message, more);
  }

  fatal(message: unknown, ...more: unknown[]): void {
    this.write('fatal', message, more);
  }

  /** The level comes from the configuration, not from Nest. */
  setLogLevels(_levels: LogLevel[]): void {}

  private write(level: Level, message: unknown, more: unknown[]): void {
    const rest = [...more];
    const context = typeof rest.at(-1) === 'string' ? (rest.pop() as string) : undefined;
    const fields: Record<string, unknown> = context === undefined ? {} : { context };
    const stack = rest.find((each): each is string => typeof each === 'string' && each.includes('\n    at '));
    const error = [message, ...rest].find((each) => each instanceof Error);
    if (error) fields.err = error;
    else if (stack) fields.stack = stack;
    const extra = rest.filter((each) => each !== stack && each !== error && each !== undefined);
    if (extra.length > 0) fields.details = extra;
    if (typeof message === 'string') this.target[level](fields, message);
    else if (message instanceof Error) this.target[level](fields, message.message);
    else this.target[level]({ ...fields, details: message }, 'logged value');
  }
}
