import { z } from 'zod';

import { integer, optionalText, optionalUrl, port, text } from './fields';
import { bootstrapClients, dataVariables, outboundAllow, processVariables, redisVariables } from './variables';

const servers = {
  DATABASE_URL: optionalUrl(
    'PostgreSQL server and database; unset means an embedded server with its data under DATA_DIR',
    ['postgres:', 'postgresql:'],
  ),
  REDIS_URL: optionalUrl('Redis server; unset means a local server with its data under DATA_DIR', [
    'redis:',
    'rediss:',
  ]),
  REDIS_PREFIX: redisVariables.REDIS_PREFIX,
};

/** Variables of `npm start` and `npm run demo`, which pass everything else on to the apps as it is. */
export const localRunSchema = z.object({
  HOST: text('Address that the listeners bind to', '127.0.0.1'),
  PORT: port('Port of the APIs; the other listeners take free ports', 8080),
  REPLICAS: integer('Processes of each app', { min: 1, max: 20, default: 1 }),
  ...servers,
  ...dataVariables,
  BOOTSTRAP_CLIENTS: bootstrapClients([{ name: 'demo-client', key: 'demo-key' }]),
  OUTBOUND_ALLOW: outboundAllow(['127.0.0.1/32', '::1/128']),
  LOG_LEVEL: processVariables.LOG_LEVEL,
});

/** Variables of the command line (`npm run cli`). */
export const toolSchema = z.object({
  ...servers,
  ...dataVariables,
  CLIENTS_CONFIG: optionalText('File (YAML) with the settings of each client'),
  LOG_LEVEL: processVariables.LOG_LEVEL,
});

export type LocalRunConfiguration = z.output<typeof localRunSchema>;
export type ToolConfiguration = z.output<typeof toolSchema>;
