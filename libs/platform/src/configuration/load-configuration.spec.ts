import { z } from 'zod';

import { controllerSchema } from './controller.schema';
import { describeConfiguration } from './describe-configuration';
import { dispatcherSchema } from './dispatcher.schema';
import { gatewaySchema } from './gateway.schema';
import { ConfigurationError, configurationOrExit, loadConfiguration } from './load-configuration';
import { localRunSchema, toolSchema } from './local-run.schema';
import { schedulerSchema } from './scheduler.schema';
import { workerSchema } from './worker.schema';

const servers = { DATABASE_URL: 'postgres://app:pw@db/task', REDIS_URL: 'redis://:pw@redis:6379/0' };
const schemas = {
  gatewaySchema,
  controllerSchema,
  workerSchema,
  dispatcherSchema,
  schedulerSchema,
  localRunSchema,
  toolSchema,
};

function faultsOf(schema: z.ZodObject, env: Record<string, string>): ConfigurationError {
  try {
    loadConfiguration(schema, env);
  } catch (error) {
    if (error instanceof ConfigurationError) return error;
  }
  throw new Error('the configuration was accepted');
}

describe('the configuration', () => {
  it('needs the two servers only and has a default for everything else', () => {
    expect(loadConfiguration(workerSchema, servers)).toMatchObject({
      ...servers,
      HOST: '127.0.0.1',
      OPS_PORT: 8082,
      LEASE_SECONDS: 10,
      HEARTBEAT_SECONDS: 3,
      WORK_CONCURRENCY: 16,
      WINDOWS_CAPTURE_CONCURRENCY: 2,
      OUTBOUND_ALLOW: [],
      COMMAND_ALLOW: [],
      REDIS_PREFIX: 'task-engine',
      DATA_DIR: '.data',
    });
    expect(loadConfiguration(schedulerSchema, servers).RETENTION_DAYS).toBe(30);
    expect(loadConfiguration(dispatcherSchema, servers)).toMatchObject({
      CALLBACK_TIMEOUT_SECONDS: 15,
      CALLBACK_FIRST_RETRY_SECONDS: 5,
    });
    expect(loadConfiguration(gatewaySchema, servers)).toMatchObject({
      PORT: 8080,
      BOOTSTRAP_CLIENTS: [],
      REQUIRE_AUTH_FOR_READS: false,
    });
    expect(loadConfiguration(localRunSchema, {})).toMatchObject({
      PORT: 8080,
      BOOTSTRAP_CLIENTS: [{ name: 'demo-client', key: 'demo-key' }],
      OUTBOUND_ALLOW: ['127.0.0.1/32', '::1/128'],
    });
  });

  it('gives the apps ports of their own, so that all run on one machine', () => {
    const ports = [controllerSchema, workerSchema, dispatcherSchema, schedulerSchema].map(
      (schema) => loadConfiguration(schema, servers).OPS_PORT,
    );
    expect(new Set([...ports, 8080]).size).toBe(5);
  });

  it('lists all faults at once, by name and never by value', () => {
    const error = faultsOf(gatewaySchema, {
      REDIS_URL: 'http://user:hunter2@redis',
      PORT: 'hunter2',
      DATABASE_POOL_SIZE: '0',
      LOG_LEVEL: 'hunter2',
      REQUIRE_AUTH_FOR_READS: 'hunter2',
      BOOTSTRAP_CLIENTS: 'good:key,hunter2',
    });
    expect(error.faults).toEqual([
      { variable: 'BOOTSTRAP_CLIENTS', message: 'entry 2 must be name:key' },
      { variable: 'DATABASE_POOL_SIZE', message: 'must be at least 1' },
      { variable: 'DATABASE_URL', message: 'must be set' },
      { variable: 'LOG_LEVEL', message: expect.stringContaining('must be one of fatal, error') as string },
      { variable: 'PORT', message: 'must be a whole number' },
      { variable: 'REDIS_URL', message: 'must be a URL that starts with redis:// or rediss://' },
      { variable: 'REQUIRE_AUTH_FOR_READS', message: 'must be true or false' },
    ]);
    for (const { variable } of error.faults) expect(error.message).toContain(variable);
    expect(error.message).not.toContain('hunter2');
  });

  it('takes an empty or blank variable as unset', () => {
    expect(loadConfiguration(workerSchema, { ...servers, WORK_CONCURRENCY: '', CLIENTS_CONFIG: '  ' })).toMatchObject({
      WORK_CONCURRENCY: 16,
    });
    expect(faultsOf(workerSchema, { ...servers, DATABASE_URL: '' }).faults).toEqual([
      { variable: 'DATABASE_URL', message: 'must be set' },
    ]);
  });

  it.each(['1.5', '1e3', '0x10', ' 5', 'Infinity', '99999999999999999999', '-1', '65536'])(
    'does not take %j for a port',
    (PORT) => {
      expect(faultsOf(gatewaySchema, { ...servers, PORT }).faults).toMatchObject([{ variable: 'PORT' }]);
    },
  );

  it('reads lists, flags and client pairs whose key holds a colon', () => {
    const configuration = loadConfiguration(gatewaySchema, {
      ...servers,
      REQUIRE_AUTH_FOR_READS: 'true',
      BOOTSTRAP_CLIENTS: ' a:k:1 , b:k2 ,',
      TRUST_PROXY: '10.0.0.0/8, ,::1',
    });
    expect(configuration).toMatchObject({
      REQUIRE_AUTH_FOR_READS: true,
      BOOTSTRAP_CLIENTS: [
        { name: 'a', key: 'k:1' },
        { name: 'b', key: 'k2' },
      ],
      TRUST_PROXY: ['10.0.0.0/8', '::1'],
    });
  });

  it('refuses an outbound rule that would allow nothing or everything by mistake', () => {
    expect(faultsOf(workerSchema, { ...servers, OUTBOUND_ALLOW: '127.0.0.1/32,10.0.0.0/99' }).faults).toEqual([
      {
        variable: 'OUTBOUND_ALLOW',
        message: 'is not usable: entry 2 is neither a CIDR range, an IP address nor a host name',
      },
    ]);
  });

  it('refuses a heartbeat that a lease cannot survive missing once', () => {
    expect(faultsOf(workerSchema, { ...servers, LEASE_SECONDS: '10', HEARTBEAT_SECONDS: '6' }).faults).toMatchObject([
      { variable: 'HEARTBEAT_SECONDS' },
    ]);
  });

  it('describes every variable of every app, with the defaults it really has', () => {
    for (const schema of Object.values(schemas)) {
      for (const { variable, meaning, required, standard } of describeConfiguration(schema)) {
        expect([variable, meaning]).toEqual([variable, expect.stringMatching(/^.{10,}$/)]);
        if (required) expect(['DATABASE_URL', 'REDIS_URL']).toContain(variable);
        // the written default, read back, is the default
        const parsed: unknown = loadConfiguration(schema, {
          ...servers,
          ...(standard !== undefined && { [variable]: standard }),
        });
        const untouched: unknown = loadConfiguration(schema, servers);
        expect(parsed).toEqual(untouched);
      }
    }
  });

  it('ends the process with the faults in plain words, for a main.ts', () => {
    const exit = jest.spyOn(process, 'exit').mockImplementation(() => {
      throw new Error('exit');
    });
    const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(() => configurationOrExit(workerSchema, {})).toThrow('exit');
    expect(exit).toHaveBeenCalledWith(1);
    expect(write.mock.calls.join()).toContain('DATABASE_URL must be set\n  REDIS_URL must be set');
    jest.restoreAllMocks();
  });
});
