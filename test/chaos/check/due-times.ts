import type { History, Violation } from '../history';
import { enters, eventsOf, groupBy } from './timeline';

/**
 * Every due time of a schedule fires once and not early: a schedule moves on only together with the tick it leaves behind, and each
 * tick is of the time the schedule stood at. A job is released not before its run_at (that it is released once follows from its states).
 */
export function checkDueTimes(history: History): Violation[] {
  const violations: Violation[] = [];
  const report = (message: string, jobIds: string[] = []) =>
    violations.push({ invariant: 'due times fire once', message, jobIds });
  const ticks = eventsOf(history, 'schedule_tick');
  const moves = eventsOf(history, 'schedule').filter(({ before }) => before !== null);

  for (const [due, fired] of groupBy(ticks, ({ id }) => id))
    if (fired.length > 1) report(`${due} fired ${fired.length} times`);
  for (const { after, at, xid } of ticks) {
    if (after.due_at > at) report(`${after.schedule_name} fired ${Math.ceil(after.due_at - at)} ms before its time`);
    if (
      !moves.some(
        (move) => move.id === after.schedule_name && move.xid === xid && move.before!.next_at === after.due_at,
      )
    )
      report(`${after.schedule_name} fired for ${text(after.due_at)}, at which it did not stand`);
  }
  for (const { id, before, after, xid, at } of moves) {
    // an operator's change re-arms it, forwards only when it is switched on
    const switched = before!.active !== after.active || before!.every_seconds !== after.every_seconds;
    if (switched || after.next_at <= before!.next_at) continue;
    if (
      !ticks.some(
        (tick) => tick.xid === xid && tick.after.schedule_name === id && tick.after.due_at === before!.next_at,
      )
    )
      report(`${id} moved on from ${text(before!.next_at)} at ${text(at)} without a tick`);
  }
  for (const event of eventsOf(history, 'job')) {
    if (event.before?.state !== 'scheduled' || !enters(event, 'queued')) continue;
    if (event.after.run_at > event.at)
      report(`job ${event.id} was released ${Math.ceil(event.after.run_at - event.at)} ms before its run_at`, [
        event.id,
      ]);
  }
  return violations;
}

const text = (time: number) => new Date(time).toISOString();
