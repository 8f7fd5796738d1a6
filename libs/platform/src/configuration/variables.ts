import { z } from 'zod';

import { AddressRules } from '../outbound/address-rules';
import { farms } from './farms';
import { choice, flag, integer, list, optionalText, port, splitList, text, url } from './fields';

/** Groups of variables that several apps share. The parsed configuration keeps the variables' names as keys. */

export const databaseVariables = {
  DATABASE_URL: url('PostgreSQL server and database', ['postgres:', 'postgresql:']),
  DATABASE_POOL_SIZE: integer('Connections to PostgreSQL that one process opens at most', {
    min: 1,
    max: 200,
    default: 10,
  }),
};

export const redisVariables = {
  REDIS_URL: url('Redis server', ['redis:', 'rediss:']),
  REDIS_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
    .default('task-engine')
    .describe('Start of every key and channel name, so that several installations can share one Redis server'),
};

/** Every app has these; OPS_PORT is added by each app with a default of its own. */
export const processVariables = {
  HOST: text('Address that the listeners bind to', '127.0.0.1'),
  LOG_LEVEL: choice(
    'Least severe log lines that are written',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
  ),
  SHUTDOWN_SECONDS: integer(
    'Seconds from SIGTERM to the end of the process at the latest; running work is handed back before',
    {
      min: 1,
      max: 3600,
      default: 30,
    },
  ),
  DRAIN_DELAY_SECONDS: integer(
    'Seconds between "not ready" and the end of intake, for load balancers that poll /readyz',
    {
      min: 0,
      max: 300,
      default: 0,
    },
  ),
};

/** @param standard each app's own default, so that all apps can run on one machine */
export function opsVariables(standard: number) {
  return { OPS_PORT: port('Port of /livez, /readyz and /metrics; 0 takes a free one', standard), ...processVariables };
}

export const leaseVariables = {
  LEASE_SECONDS: integer('Seconds until work of a worker that has gone silent is given to another', {
    min: 1,
    max: 3600,
    default: 10,
  }),
  HEARTBEAT_SECONDS: integer('Seconds between two renewals of a lease; at most half of LEASE_SECONDS', {
    min: 1,
    max: 1800,
    default: 3,
  }),
};

const outboundAllowMeaning =
  'CIDR ranges, addresses or host names, comma-separated, that callbacks, webhooks, semaphores and sources may reach although they are private';

/** @param standard entries that hold when the variable is unset */
export function outboundAllow(standard: string[] = []) {
  return list(outboundAllowMeaning)
    .unwrap()
    .superRefine((entries, context) => {
      try {
        new AddressRules(entries);
      } catch (error) {
        context.addIssue({ code: 'custom', message: `is not usable: ${(error as Error).message}` });
      }
    })
    .default(standard)
    .describe(outboundAllowMeaning);
}

export const outboundVariables = {
  OUTBOUND_ALLOW: outboundAllow(),
  OUTBOUND_REPLY_BYTES: integer('Bytes of a reply that are read at most', { min: 0, max: 16_777_216, default: 65_536 }),
  OUTBOUND_CONNECTIONS: integer('Connections to one origin that one process opens at most', {
    min: 1,
    max: 1024,
    default: 32,
  }),
};

export const clientsVariables = {
  CLIENTS_CONFIG: optionalText('File (YAML) with the settings of each client: storage, extra callback headers, caps'),
};

export const farmVariables = {
  DOCKER_HOSTS: farms(
    'Farms of hosts for containers, as JSON: `[{"match": "", "hosts": ["localhost:2375"], "maxRunning": 2}]`. A farm is for the tasks whose names begin as `match` says; the one for all stands last',
  ),
};

export const dataVariables = {
  DATA_DIR: text('Folder for everything that is written to disk, job output included', '.data'),
};

/** Names that clients with keys can have: the engine's own ones have a slash. */
export const CLIENT_NAME = /^[A-Za-z0-9._-]{1,100}$/;

/**
 * `name:key` pairs.
 * @param standard clients that exist when the variable is unset
 */
export function bootstrapClients(standard: { name: string; key: string }[] = []) {
  return z
    .string()
    .transform((value, context) =>
      splitList(value).map((entry, index) => {
        const split = entry.indexOf(':');
        const client = { name: entry.slice(0, split), key: entry.slice(split + 1) };
        if (split < 1 || client.key === '' || !CLIENT_NAME.test(client.name)) {
          context.addIssue({ code: 'custom', message: `entry ${index + 1} must be name:key` });
          return z.NEVER;
        }
        return client;
      }),
    )
    .default(standard)
    .describe('Clients that exist after start-up, as name:key,name:key');
}

export const requireAuthForReads = flag('Whether the reads that the API documents leave open need a key too', false);

/** Refines a schema that holds `leaseVariables`: one lost heartbeat must not cost the lease. */
export function heartbeatFitsLease(
  configuration: { LEASE_SECONDS: number; HEARTBEAT_SECONDS: number },
  context: z.RefinementCtx<unknown>,
): void {
  if (configuration.HEARTBEAT_SECONDS * 2 > configuration.LEASE_SECONDS) {
    context.addIssue({ code: 'custom', path: ['HEARTBEAT_SECONDS'], message: 'must be at most half of LEASE_SECONDS' });
  }
}

type Parsed<Variables extends z.core.$ZodShape> = z.output<z.ZodObject<Variables>>;

export type DatabaseConfiguration = Parsed<typeof databaseVariables>;
export type RedisConfiguration = Parsed<typeof redisVariables>;
export type OpsConfiguration = Parsed<typeof processVariables>;
export type LeaseConfiguration = Parsed<typeof leaseVariables>;
export type OutboundConfiguration = Parsed<typeof outboundVariables>;
export type ClientsConfiguration = Parsed<typeof clientsVariables>;
