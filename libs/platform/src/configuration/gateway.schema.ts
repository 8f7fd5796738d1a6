import { z } from 'zod';

import { choice, decimal, flag, integer, list, optionalText, port } from './fields';
import { publicKey } from './public-key';
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

/** Port of a listener that serves one dialect alone. */
function ownPort(dialect: string) {
  const meaning = `Port of a listener that serves ${dialect} alone, its \`/\` included; 0 takes a free one`;
  return port(meaning, 0).unwrap().optional().describe(meaning);
}

const fastlaneVariables = {
  FASTLANE_PORT: ownPort('fastlane'),
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

const taskTrackerVariables = {
  TASK_TRACKER_PORT: ownPort('task_tracker'),
  TASK_TRACKER_COOKIE_NAME: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes or underscores')
    .default('tt')
    .describe("Name of the cookie with a manager's session"),
  TASK_TRACKER_COOKIE_SAME_SITE: choice(
    'Which requests from pages of other sites browsers send the cookie with',
    ['Strict', 'Lax', 'None'],
    'Lax',
  ),
  TASK_TRACKER_COOKIE_SECURE: flag('Whether browsers send the cookie over HTTPS only', false),
  TASK_TRACKER_SESSION_SECONDS: integer("Seconds that a manager's session lasts", {
    min: 1,
    max: 31_536_000,
    default: 28_800,
  }),
  TASK_TRACKER_RECLAIM_SECONDS: decimal(
    'Seconds between two reclaims of tasks that name no time for which a worker may have them',
    { min: 0.2, max: 86_400, default: 300 },
  ),
  TASK_TRACKER_WEBHOOK_HASH: choice('Hash of the signature of a push hook', ['sha1', 'sha256'], 'sha256'),
  TASK_TRACKER_WEBHOOK_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header')
    .default('X-Gogs-Signature')
    .describe('Header with the signature of a push hook'),
};

const taskSchedulerVariables = {
  JWT_SECRET: optionalText(
    'Secret that bearer tokens of /api are signed with (HS256); should have 32 characters at least. With neither this nor JWT_PUBLIC_KEY no such token is accepted',
  ),
  JWT_PUBLIC_KEY: publicKey('RSA key (PEM, \\n for a new line) of who signs bearer tokens of /api (RS256)'),
  DTS_RATE_LIMIT: integer('Requests that a client may make to /api in a minute, unless a limit of its own is set', {
    min: 1,
    max: 1_000_000_000,
    default: 1_000,
  }),
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
    ...taskTrackerVariables,
    ...taskSchedulerVariables,
  })
  .superRefine(({ TASK_TRACKER_COOKIE_SAME_SITE, TASK_TRACKER_COOKIE_SECURE }, context) => {
    if (TASK_TRACKER_COOKIE_SAME_SITE !== 'None' || TASK_TRACKER_COOKIE_SECURE) return;
    context.addIssue({
      code: 'custom',
      path: ['TASK_TRACKER_COOKIE_SECURE'],
      message: 'must be true, since browsers drop a cookie with SameSite=None that is not',
    });
  })
  .superRefine(({ JWT_SECRET, JWT_PUBLIC_KEY }, context) => {
    if (JWT_SECRET === undefined || JWT_PUBLIC_KEY === undefined) return;
    // which of them is set says which algorithm counts
    context.addIssue({ code: 'custom', path: ['JWT_PUBLIC_KEY'], message: 'must not be set beside JWT_SECRET' });
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
