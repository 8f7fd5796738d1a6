import type { OpenAPIObject } from '@nestjs/swagger';
import { MAX_RETRIES, MIN_MEMORY_BYTES } from '@task-engine/dto';
import { RUN_EVENTS } from '@task-engine/engine';

type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const moment = (description: string): Schema => ({
  oneOf: [{ type: 'number' }, { type: 'string' }, { type: 'null' }],
  description: `${description} Seconds since 1970; a fraction is cut off.`,
});

const byEvent = (items: Schema, description: string): Schema => ({
  type: 'object',
  description: `${description} \`starts\` is ours.`,
  properties: Object.fromEntries(RUN_EVENTS.map((event) => [event, { type: 'array', items }])),
});

/** Body of an enqueue. */
export const payloadSchema: Schema = {
  type: 'object',
  required: ['image', 'command'],
  description: 'Fields that are not named here are ignored. One of `startIn`, `startAt` and `cron` at most.',
  properties: {
    image: { type: 'string', description: '`[registry[:port]/]name[:tag][@digest]`.' },
    command: { type: 'string', description: 'Split as a shell would, but run without one.' },
    envs: {
      type: 'object',
      additionalProperties: { oneOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
      description: 'Variables of the command; numbers and booleans become their text.',
    },
    startIn: {
      oneOf: [{ type: 'string', pattern: '^(\\d+h)?(\\d+m)?(\\d+s)?$|^0$' }, { type: 'null' }],
      description: 'Run later: hours, minutes, seconds, as `1h30m10s`. Empty: now.',
    },
    startAt: moment('Run then, or as soon as possible once it is past; 0 and empty: now.'),
    cron: {
      oneOf: [{ type: 'string' }, { type: 'null' }],
      description: 'Run at each time of this rule: 5 fields, or 6 with the seconds as the last one. Empty: now.',
      example: '*/5 * * * *',
    },
    timezone: {
      type: 'string',
      default: 'UTC',
      description: 'IANA time zone of `cron`. Ours.',
      example: 'Europe/Berlin',
    },
    metadata: {
      description: 'An object of your own: shown as `custom`, sent with webhooks. Anything else is left out.',
    },
    retries: {
      type: 'integer',
      minimum: 0,
      maximum: MAX_RETRIES,
      default: 0,
      description: 'Further executions after one that failed: after 2, 4, 8 ... seconds.',
    },
    expiration: moment('No execution starts after it.'),
    timeout: {
      type: 'number',
      description:
        'Seconds that one execution may take, at most FASTLANE_HARD_TIMEOUT_SECONDS, which is also the default; less than 1 counts as 1.',
    },
    notify: byEvent({ type: 'string', format: 'email' }, 'Addresses that get a mail.'),
    webhooks: byEvent(
      {
        type: 'object',
        properties: {
          url: { type: 'string', format: 'uri', description: 'http(s); an entry without it is skipped.' },
          headers: { type: 'object', additionalProperties: { type: 'string' } },
          retries: {
            type: 'integer',
            minimum: 0,
            maximum: MAX_RETRIES,
            default: 0,
            description: 'Further tries: after 5, 10, 20 ... seconds.',
          },
        },
      },
      'Addresses that get a POST with the execution as JSON.',
    ),
    additionalDNSEntries: {
      type: 'object',
      additionalProperties: { type: 'string', description: 'IP address.' },
      description: 'Further hosts that the command knows by name.',
    },
    retryOnPullFailure: {
      type: 'boolean',
      default: false,
      description: '`retries` count for images that cannot be had, too. Ours.',
    },
    memory: {
      oneOf: [
        { type: 'integer', minimum: MIN_MEMORY_BYTES },
        { type: 'string', pattern: '^\\d+[bkmgBKMG]?$' },
      ],
      description: 'Memory that the command gets: bytes, or a text like `256m`, `1g`. Ours.',
    },
    cpus: { type: 'number', minimum: 0.01, description: 'Processors that the command gets. Ours.' },
    maxKeptExecutions: {
      type: 'integer',
      minimum: 1,
      description: 'Finished executions of this job that are kept. Ours.',
    },
    maxConcurrentExecutions: {
      type: 'integer',
      minimum: 0,
      description:
        'Executions of the whole task at one time, until a later request says something else; 0: no limit. Ours.',
    },
  },
};
