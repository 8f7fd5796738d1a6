import { Inject, Injectable } from '@nestjs/common';
import type { ClaimedDelivery, DeliveryReport } from '@task-engine/database';
import {
  CONFIGURATION,
  type DispatcherConfiguration,
  isSecretKey,
  Log,
  OutboundError,
  OutboundHttp,
  withLogContext,
} from '@task-engine/platform';
import { CallbackMetrics } from './callback-metrics';
import { DefinitionHeaders } from './definition-headers';
import { eventHeaders } from './event-headers';
import { type Attempt, EVENT_TIMEOUT_SECONDS, type Outcome, outcomeOf, type RetryPolicy } from './delivery-outcome';
import { MailFailure } from './mail-failure';
import { MailSender } from './mail-sender';
import { maskedUrl } from './masked-url';
import { webhookHeaders } from './webhook-signature';

/** Headers that describe the connection or the message itself; a configured one would break the request. */
const OWN_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Makes one try of a delivery. */
@Injectable()
export class DeliverySender {
  constructor(
    private readonly outbound: OutboundHttp,
    private readonly definitions: DefinitionHeaders,
    private readonly metrics: CallbackMetrics,
    private readonly log: Log,
    private readonly mail: MailSender,
    @Inject(CONFIGURATION) private readonly configuration: DispatcherConfiguration,
  ) {}

  /** Never throws: whatever happens is an outcome. @param signal hands the delivery back */
  async send(delivery: ClaimedDelivery, signal: AbortSignal): Promise<DeliveryReport> {
    return withLogContext({ jobId: delivery.jobId, taskId: delivery.taskId, client: delivery.client }, async () => {
      if (delivery.unwanted) return removed(delivery);
      const began = performance.now();
      const headers = delivery.kind === 'mail' ? {} : this.headers(delivery);
      const result = await (delivery.kind === 'mail'
        ? this.mail.send(delivery)
        : this.request(delivery, headers, signal));
      const milliseconds = performance.now() - began;
      const policy = this.policyOf(delivery, milliseconds / 1_000);
      const outcome = outcomeOf(result, delivery.attempt, policy);
      this.metrics.tried(outcome.state, milliseconds / 1_000, delivery);
      if (result.kind === 'error' && !(result.error instanceof OutboundError || result.error instanceof MailFailure)) {
        this.log.error({ err: result.error, deliveryId: delivery.id }, 'a callback could not be sent');
      }
      const { id, token } = delivery;
      const line = this.line(delivery, outcome, policy);
      return {
        id,
        token,
        milliseconds,
        ...outcome,
        line,
        ...(delivery.kind === 'webhook' && { shown: shownOf(headers, result) }),
      };
    });
  }

  private policyOf({ kind, maxAttempts }: ClaimedDelivery, tookSeconds: number): RetryPolicy {
    return {
      kind,
      tookSeconds,
      attempts: maxAttempts ?? this.configuration.CALLBACK_ATTEMPTS,
      firstRetrySeconds: this.configuration.CALLBACK_FIRST_RETRY_SECONDS,
      maxRetrySeconds: this.configuration.CALLBACK_MAX_RETRY_SECONDS,
    };
  }

  private async request(
    delivery: ClaimedDelivery,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Attempt> {
    try {
      const usual = this.definitions.timeoutSeconds(delivery) ?? this.configuration.CALLBACK_TIMEOUT_SECONDS;
      const seconds = delivery.kind === 'event' ? Math.min(usual, EVENT_TIMEOUT_SECONDS) : usual;
      const answer = await this.outbound.request({
        url: delivery.url,
        method: 'POST',
        headers,
        body: delivery.body,
        timeoutMs: seconds * 1_000,
        verifyTls: delivery.verifyTls,
        signal,
      });
      return { kind: 'answer', status: answer.status, headers: answer.headers, body: answer.body };
    } catch (error) {
      return { kind: 'error', error };
    }
  }

  /** From the general to the particular; nobody can replace what the receiver verifies. */
  private headers(delivery: ClaimedDelivery): Record<string, string> {
    if (delivery.kind === 'event') return eventHeaders(delivery, new Date());
    const { messageId: id, body, signingSecret: secret } = delivery;
    return {
      ...sendable(this.definitions.headers(delivery)),
      ...sendable(delivery.clientHeaders),
      ...(delivery.kind === 'webhook' && { 'content-type': 'application/json' }),
      ...sendable(delivery.headers),
      ...(delivery.kind === 'callback' && { 'content-type': 'application/json' }),
      ...webhookHeaders({ id, body, secret, now: new Date() }),
    };
  }

  /** What the job's log says: what an operator must see is visible, the rest is there for who asks for all of it. */
  private line(
    { kind, event, url, attempt }: ClaimedDelivery,
    outcome: Outcome,
    { attempts }: RetryPolicy,
  ): DeliveryReport['line'] {
    const callback = `${kind} ${event} to ${maskedUrl(url)}`;
    const tries = `attempt ${attempt} of ${attempts}`;
    // an event is told of in the log of its webhook
    if (kind === 'event') return null;
    switch (outcome.state) {
      case 'released':
        return null;
      case 'delivered':
        return { severity: 'DEBUG', message: `${callback} delivered (${tries}): ${outcome.status}`, visible: false };
      case 'pending': {
        const next = `next in ${Math.ceil(outcome.delaySeconds)} s`;
        return {
          severity: 'WARN',
          message: `${callback} failed (${tries}): ${outcome.error}; ${next}`,
          // The first one tells of a wrong URL while there is time to mend it; its repeats would only fill the log.
          visible: attempt === 1,
        };
      }
      default:
        return {
          severity: 'ERROR',
          message: `${callback} ${outcome.state} (${tries}): ${outcome.error}`,
          visible: true,
        };
    }
  }
}

/** What is left of a webhook that its client has removed is not sent. */
function removed({ id, token }: ClaimedDelivery): DeliveryReport {
  const error = 'the webhook was removed';
  return { id, token, state: 'gone', delaySeconds: 0, status: null, error, milliseconds: 0, line: null };
}

/** Characters of an answer that are shown to whoever owns the webhook. */
const SHOWN_ANSWER = 4_096;

/** Values under secret-looking names are left out: what is shown is stored. */
function shownOf(headers: Record<string, string>, result: Attempt): DeliveryReport['shown'] {
  const sentHeaders = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, isSecretKey(name) ? '***' : value]),
  );
  if (result.kind === 'error') return { sentHeaders, answer: null };
  return {
    sentHeaders,
    answer: { headers: result.headers, body: result.body.toString('utf8').slice(0, SHOWN_ANSWER) },
  };
}

function sendable(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(
    entries.filter(
      ([name, value]) =>
        HEADER_NAME.test(name) && typeof value === 'string' && HEADER_VALUE.test(value) && !OWN_HEADERS.has(name),
    ),
  );
}
