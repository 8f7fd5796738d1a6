import { z } from 'zod';

import { flag, integer, list, optionalText, port } from './fields';
import {
  bootstrapClients,
  clientsVariables,
  databaseVariables,
  dataVariables,
  farmVariables,
  processVariables,
  redisVariables,
  requireAuthForReads,
} from './variables';

/** Comma-separated list with entries that hold when it is unset. */
function listOr(standard: string[], meaning: string) {
  return list(meaning).unwrap().default(standard).describe(meaning);
}

const fastlanePortMeaning = 'Port of a listener that serves fastlane alone, its `/` included; 0 takes a free one';

const fastlaneVariables = {
  FASTLANE_PORT: port(fastlanePortMeaning, 0).unwrap().optional().describe(fastlanePortMeaning),
  FASTLANE_BASIC_AUTH_USERNAME: z
    .string()
    .regex(/^[^:]+$/, 'must not hold a colon')
    .optional()
    .describe('With FASTLANE_BASIC_AUTH_PASSWORD: name that every request and WebSocket to fastlane has to give'),
  FASTLANE_BASIC_AUTH_PASSWORD: optionalText('With FASTLANE_BASIC_AUTH_USERNAME: the password'),
  FASTLANE_BASIC_AUTH_REALM: z
    .string()
    .regex(/^[\x20-\x7e]*$/, 'must be printable ASCII')
    .optional()
    .describe('Realm that a request without them is told'),
  FASTLANE_SERVER_NAME: z
    .string()
    .regex(/^[\w.-]+(:\d{1,5})?$/, 'must be a host name, with or without a port')
    .optional()
    .describe("Host (and port) of the URLs in fastlane's answers; unset means the one that the request names"),
  FASTLANE_DEBUG: flag("Whether fastlane's JSON is indented and /routes/ is served", false),
  FASTLANE_PER_PAGE: integer("Tasks on a page of fastlane's lists", { min: 1, max: 1_000, default: 10 }),
  FASTLANE_CORS_ORIGINS: listOr(
    ['*'],
    'Origins, comma-separated, of pages that may use fastlane from a browser; * is every origin',
  ),
  FASTLANE_HARD_TIMEOUT_SECONDS: integer(
    'Seconds that an execution may take at most, whatever its job asks for; what a job gets that asks for nothing',
    { min: 1, max: 31_536_000, default: 1_800 },
  ),
  FASTLANE_ENV_BLACKLIST: listOr(
    ['password', 'key', 'secret', 'client_id'],
    "Words, comma-separated: variables of a job whose names hold one of them are shown as *** in fastlane's answers",
  ),
};

/** Variables of `api-gateway`. */
export const gatewaySchema = z
  .object({
    PORT: port('Port of the APIs, of /livez, /readyz, /metrics, /openapi and /docs; 0 takes a free one', 8080),
    ...processVariables,
    ...databaseVariables,
    ...redisVariables,
    ...dataVariables,
    ...clientsVariables,
    ...farmVariables,
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
    ...fastlaneVariables,
  })
  .superRefine(({ FASTLANE_BASIC_AUTH_USERNAME, FASTLANE_BASIC_AUTH_PASSWORD }, context) => {
    if ((FASTLANE_BASIC_AUTH_USERNAME === undefined) === (FASTLANE_BASIC_AUTH_PASSWORD === undefined)) return;
    // half a lock would be none
    const [missing, given] =
      FASTLANE_BASIC_AUTH_PASSWORD === undefined ? ['PASSWORD', 'USERNAME'] : ['USERNAME', 'PASSWORD'];
    context.addIssue({
      code: 'custom',
      path: [`FASTLANE_BASIC_AUTH_${missing}`],
      message: `must be set, since FASTLANE_BASIC_AUTH_${given} is`,
    });
  });

export type GatewayConfiguration = z.output<typeof gatewaySchema>;
