import { Inject, Injectable } from '@nestjs/common';
import type { ClaimedDelivery, DeliveryReport } from '@task-engine/database';
import {
  CONFIGURATION,
  type DispatcherConfiguration,
  Log,
  OutboundError,
  OutboundHttp,
  withLogContext,
} from '@task-engine/platform';
import { CallbackMetrics } from './callback-metrics';
import { DefinitionHeaders } from './definition-headers';
import { type Attempt, type Outcome, outcomeOf, type RetryPolicy } from './delivery-outcome';
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
  private readonly policy: RetryPolicy;

  constructor(
    private readonly outbound: OutboundHttp,
    private readonly definitions: DefinitionHeaders,
    private readonly metrics: CallbackMetrics,
    private readonly log: Log,
    @Inject(CONFIGURATION) private readonly configuration: DispatcherConfiguration,
  ) {
    this.policy = {
      attempts: configuration.CALLBACK_ATTEMPTS,
      firstRetrySeconds: configuration.CALLBACK_FIRST_RETRY_SECONDS,
      maxRetrySeconds: configuration.CALLBACK_MAX_RETRY_SECONDS,
    };
  }

  /** Never throws: whatever happens is an outcome. @param signal hands the delivery back */
  async send(delivery: ClaimedDelivery, signal: AbortSignal): Promise<DeliveryReport> {
    return withLogContext({ jobId: delivery.jobId, taskId: delivery.taskId, client: delivery.client }, async () => {
      const began = performance.now();
      const result = await this.request(delivery, signal);
      const milliseconds = performance.now() - began;
      const outcome = outcomeOf(result, delivery.attempt, this.policy);
      this.metrics.tried(outcome.state, milliseconds / 1_000, delivery);
      if (result.kind === 'error' && !(result.error instanceof OutboundError)) {
        this.log.error({ err: result.error, deliveryId: delivery.id }, 'a callback could not be sent');
      }
      return { id: delivery.id, token: delivery.token, milliseconds, ...outcome, line: this.line(delivery, outcome) };
    });
  }

  private async request(delivery: ClaimedDelivery, signal: AbortSignal): Promise<Attempt> {
    try {
      const seconds = this.definitions.timeoutSeconds(delivery) ?? this.configuration.CALLBACK_TIMEOUT_SECONDS;
      const { status, headers } = await this.outbound.request({
        url: delivery.url,
        method: 'POST',
        headers: this.headers(delivery),
        body: delivery.body,
        timeoutMs: seconds * 1_000,
        verifyTls: delivery.verifyTls,
        signal,
      });
      return { kind: 'answer', status, headers };
    } catch (error) {
      return { kind: 'error', error };
    }
  }

  /** From the general to the particular; nobody can replace what the receiver verifies. */
  private headers(delivery: ClaimedDelivery): Record<string, string> {
    const { messageId: id, body, signingSecret: secret } = delivery;
    return {
      ...sendable(this.definitions.headers(delivery)),
      ...sendable(delivery.clientHeaders),
      ...sendable(delivery.headers),
      'content-type': 'application/json',
      ...webhookHeaders({ id, body, secret, now: new Date() }),
    };
  }

  /** What the job's log says: what an operator must see is visible, the rest is there for who asks for all of it. */
  private line({ event, url, attempt }: ClaimedDelivery, outcome: Outcome): DeliveryReport['line'] {
    const callback = `callback ${event} to ${maskedUrl(url)}`;
    const tries = `attempt ${attempt} of ${this.policy.attempts}`;
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

function sendable(headers: Record<string, string>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  return Object.fromEntries(
    entries.filter(
      ([name, value]) =>
        HEADER_NAME.test(name) && typeof value === 'string' && HEADER_VALUE.test(value) && !OWN_HEADERS.has(name),
    ),
  );
}
