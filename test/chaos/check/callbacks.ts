import { createHash, createHmac } from 'node:crypto';
import type { Arrival, DeliveryEvent, History, Invariant, Violation } from '../history';
import { enters, eventsOf, groupBy, leaves, rowsOf } from './timeline';

/**
 * Every event of a job is told to each of its endpoints: one delivery, written in the transaction of what it tells, arriving at least
 * once unless its row says that it was given up; the same id and body on every try, signed; in order per job and endpoint.
 */
export function checkCallbacks(history: History): Violation[] {
  return [...checkWritten(history), ...checkArrivals(history), ...checkDeliveryOrder(history)];
}

/** One delivery for each event and endpoint, neither more nor fewer, in the transaction of the event. */
function checkWritten(history: History): Violation[] {
  const marks = new Map(history.jobs.map((job) => [job.id, job.mark]));
  const endpoints = new Map(
    history.requests.flatMap(({ operation }) =>
      operation.kind === 'submit'
        ? [[operation.submission.mark, [...new Set(operation.submission.endpoints)]] as const]
        : [],
    ),
  );
  const brokenIn = new Set(
    eventsOf(history, 'job')
      .filter((event) => enters(event, 'broken'))
      .map(({ id, xid }) => `${id} ${xid}`),
  );
  const due = new Map<string, { jobId: string; text: string }>();
  const expect = (jobId: string, xid: number, event: string, taskId?: string) => {
    for (const url of endpoints.get(marks.get(jobId) ?? '') ?? []) {
      const text = `${event}${taskId ? ` of task ${taskId}` : ''} of job ${jobId} to ${url}`;
      due.set(`${xid} ${text}`, { jobId, text });
    }
  };
  for (const event of history.events) {
    const { xid } = event;
    if (event.table === 'job') {
      if (enters(event, 'completed')) expect(event.id, xid, 'job_completed');
      if (enters(event, 'failed')) expect(event.id, xid, 'job_failed');
    } else if (event.table === 'task') {
      const { job_id: jobId, started } = event.after;
      if (enters(event, 'started') && started && !event.before?.started) expect(jobId, xid, 'start', event.id);
      if (enters(event, 'completed')) expect(jobId, xid, 'complete', event.id);
      // the tasks of a job that is broken fail without a word: their client has asked for it
      if (enters(event, 'failed') && !brokenIn.has(`${jobId} ${xid}`)) expect(jobId, xid, 'fail', event.id);
    }
  }
  const violations: Violation[] = [];
  const report = (message: string, jobId: string) =>
    violations.push({ invariant: 'callbacks arrive', message, jobIds: [jobId] });
  for (const { before, after, xid } of eventsOf(history, 'delivery')) {
    if (before) continue;
    const { job_id: jobId, task_id: taskId, event, url } = after;
    const ofJob = event.startsWith('job_');
    const text = `${event}${ofJob ? '' : ` of task ${taskId}`} of job ${jobId} to ${url}`;
    if (!due.delete(`${xid} ${text}`)) report(`a delivery that nothing asks for, or a second one: ${text}`, jobId);
  }
  for (const { jobId, text } of due.values()) report(`no delivery was written for ${text}`, jobId);
  return violations;
}

/** What came in: from deliveries that exist, unchanged on every try, signed. What is delivered did come in. */
function checkArrivals(history: History): Violation[] {
  const violations: Violation[] = [];
  const deliveries = rowsOf(history, 'delivery');
  const byMessage = new Map([...deliveries.values()].map((events) => [events[0]!.after.message_id, events.at(-1)!]));
  const clients = new Map(eventsOf(history, 'client').map(({ id, after }) => [Number(id), after.name]));
  const report = (message: string, jobId?: string, invariant: Invariant = 'callbacks arrive') =>
    violations.push({ invariant, message, jobIds: jobId ? [jobId] : [] });

  const arrivals = groupBy(history.arrivals, ({ messageId }) => messageId);
  for (const [messageId, came] of arrivals) {
    const delivery = byMessage.get(messageId)?.after;
    if (!delivery) {
      report(`${messageId} came in at ${came[0]!.url}, but there is no such delivery`);
      continue;
    }
    const name = `${delivery.event} of job ${delivery.job_id} (${messageId})`;
    const secret = history.secrets[clients.get(delivery.client_id) ?? ''];
    for (const arrival of came) {
      if (arrival.url !== delivery.url)
        report(`${name} came in at ${arrival.url} instead of ${delivery.url}`, delivery.job_id);
      if (createHash('md5').update(arrival.body).digest('hex') !== delivery.body_hash)
        report(`${name} came in with another body: ${arrival.body}`, delivery.job_id);
      if (secret && !isSigned(arrival, secret))
        report(`${name} has a wrong signature: ${arrival.signature}`, delivery.job_id);
    }
  }
  for (const { id, after } of byMessage.values()) {
    const came = arrivals.get(after.message_id) ?? [];
    const name = `delivery ${id}, ${after.event} of job ${after.job_id} to ${after.url},`;
    const answered = (least: number, most: number) => came.some(({ status }) => status >= least && status <= most);
    if (after.state === 'pending' || after.state === 'sending')
      report(`${name} is still ${after.state} after ${after.attempts} tries`, after.job_id);
    else if (after.state === 'delivered' && !answered(200, 299))
      report(`${name} is delivered, but came in ${came.length} times and was never answered 2xx`, after.job_id);
    else if (after.state === 'gone' && !answered(410, 410))
      report(`${name} is gone, but nobody answered 410`, after.job_id);
  }
  return violations;
}

/** The scheme of standardwebhooks.com, computed here on its own. */
function isSigned({ messageId, timestamp, signature, body }: Arrival, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${messageId}.${timestamp}.${body}`).digest('base64');
  return signature.split(' ').includes(`v1,${expected}`);
}

/**
 * A first try waits until every earlier delivery of the same job to the same URL has had its own. So the order of arrival is the order
 * of the events wherever the first try of the earlier one succeeded.
 */
function checkDeliveryOrder(history: History): Violation[] {
  const violations: Violation[] = [];
  const arrivals = groupBy(history.arrivals, ({ messageId }) => messageId);
  const lines = groupBy(
    rowsOf(history, 'delivery').values(),
    ([first]) => `${first!.after.job_id} ${first!.after.url}`,
  );
  for (const deliveries of lines.values()) {
    const ordered = deliveries.sort(([one], [other]) => Number(one!.id) - Number(other!.id));
    for (const [index, events] of ordered.entries()) {
      const earlier = ordered[index - 1];
      if (!earlier) continue;
      const { id, after } = events[0]!;
      const name = `${after.event} (delivery ${id}) of job ${after.job_id} to ${after.url}`;
      const was = `${earlier[0]!.after.event} (delivery ${earlier[0]!.id})`;
      const tried = firstTry(earlier);
      const claimed = events.find((event) => enters(event, 'sending'));
      if (claimed && !(tried && tried.seq < claimed.seq))
        violations.push({
          invariant: 'callbacks keep their order',
          message: `${name} was sent before ${was} had had its try`,
          jobIds: [after.job_id],
        });
      const [came] = arrivals.get(after.message_id) ?? [];
      const [before] = arrivals.get(earlier[0]!.after.message_id) ?? [];
      if (tried?.after.state === 'delivered' && came && before && came.at < before.at)
        violations.push({
          invariant: 'callbacks keep their order',
          message: `${name} came in before ${was}`,
          jobIds: [after.job_id],
        });
    }
  }
  return violations;
}

/** The end of the first try that counts: one that was handed back at shutdown does not. */
function firstTry(events: DeliveryEvent[]): DeliveryEvent | undefined {
  return events.find((event) => leaves(event, 'sending') && event.after.attempts > 0);
}
