import { z } from 'zod';

import { integer, list, optionalText, port } from './fields';
import {
  bootstrapClients,
  clientsVariables,
  databaseVariables,
  dataVariables,
  processVariables,
  redisVariables,
  requireAuthForReads,
} from './variables';

/** Variables of `api-gateway`. */
export const gatewaySchema = z.object({
  PORT: port('Port of the APIs, of /livez, /readyz, /metrics, /openapi and /docs; 0 takes a free one', 8080),
  ...processVariables,
  ...databaseVariables,
  ...redisVariables,
  ...dataVariables,
  ...clientsVariables,
  BOOTSTRAP_CLIENTS: bootstrapClients(),
  REQUIRE_AUTH_FOR_READS: requireAuthForReads,
  BODY_LIMIT_BYTES: integer('Bytes of a request body at most', { min: 1024, max: 104_857_600, default: 1_048_576 }),
  BULK_BODY_LIMIT_BYTES: integer('Bytes of the body of a bulk request at most', {
    min: 1024,
    max: 1_073_741_824,
    default: 10_485_760,
  }),
  TRUST_PROXY: list('Addresses or CIDR ranges of reverse proxies whose X-Forwarded-For is believed'),
  WORKFLOWS_DIR: optionalText(
    'Folder with workflow definitions beside those that come with the suite (common/ and one folder per client)',
  ),
});

export type GatewayConfiguration = z.output<typeof gatewaySchema>;
