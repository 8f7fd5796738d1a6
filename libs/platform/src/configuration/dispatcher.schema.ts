import { z } from 'zod';

import { flag, integer, optionalText } from './fields';
import {
  clientsVariables,
  databaseVariables,
  heartbeatFitsLease,
  leaseVariables,
  opsVariables,
  outboundVariables,
  redisVariables,
} from './variables';

/** Variables of `callback-dispatcher`. */
export const dispatcherSchema = z
  .object({
    ...opsVariables(8083),
    ...databaseVariables,
    ...redisVariables,
    ...leaseVariables,
    ...outboundVariables,
    ...clientsVariables,
    CALLBACK_TIMEOUT_SECONDS: integer(
      'Seconds that one try of a callback may take in all; of a webhook for events 10 at most',
      {
        min: 1,
        max: 300,
        default: 15,
      },
    ),
    CALLBACK_ATTEMPTS: integer('Tries of a callback before it is given up', { min: 1, max: 100, default: 12 }),
    CALLBACK_FIRST_RETRY_SECONDS: integer('Seconds before the second try; doubled for each further one, with jitter', {
      min: 1,
      max: 3600,
      default: 5,
    }),
    CALLBACK_MAX_RETRY_SECONDS: integer('Seconds between two tries at most', { min: 1, max: 604_800, default: 21_600 }),
    SMTP_HOST: optionalText('Mail server for `notify` of fastlane jobs; without it and SMTP_FROM no mail is sent'),
    SMTP_PORT: integer('Port of the mail server', { min: 1, max: 65_535, default: 25 }),
    SMTP_USER: optionalText('User at the mail server; none: no login'),
    SMTP_PASSWORD: optionalText('Password at the mail server'),
    SMTP_FROM: optionalText('Sender of the mails'),
    SMTP_USE_SSL: flag('Send mails only over STARTTLS', false),
    FASTLANE_SERVER_NAME: optionalText('Name and port of the fastlane API in links of mails; none without it'),
    CALLBACK_CONCURRENCY: integer('Callbacks that one process sends at one time', { min: 1, max: 1024, default: 256 }),
  })
  .superRefine(heartbeatFitsLease);

export type DispatcherConfiguration = z.output<typeof dispatcherSchema>;
