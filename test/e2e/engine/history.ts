import type { EngineSuite } from './engine-suite';

/**
 * Expects of each job: started once, completed once, every task completed by exactly one execution, and no execution left alive.
 * Reads the history, so a second start that was undone shows too.
 */
export async function expectRunOnce(suite: EngineSuite, jobIds: string[]): Promise<void> {
  const odd = await suite.query(
    `SELECT j.id, j.state,
       (SELECT string_agg(to_state, ' ' ORDER BY m.id) FROM job_transition m WHERE m.job_id = j.id) AS transitions,
       (SELECT string_agg(t.name || ' ' || t.state, ', ' ORDER BY t.id) FROM task t WHERE t.job_id = j.id) AS tasks,
       (SELECT string_agg(e.cause || ' ' || e.state, ', ' ORDER BY e.id) FROM execution e WHERE e.job_id = j.id) AS executions
     FROM job j WHERE j.id = ANY($1::bigint[]) AND NOT (
       j.state = 'completed'
       AND (SELECT count(*) FROM job_transition m WHERE m.job_id = j.id AND to_state = 'started') = 1
       AND (SELECT count(*) FROM job_transition m WHERE m.job_id = j.id AND to_state = 'completed') = 1
       AND EXISTS (SELECT FROM task t WHERE t.job_id = j.id)
       AND NOT EXISTS (SELECT FROM task t WHERE t.job_id = j.id AND (t.state <> 'completed'
             OR (SELECT count(*) FROM execution e WHERE e.task_id = t.id AND e.state = 'succeeded') <> 1))
       AND NOT EXISTS (SELECT FROM execution e WHERE e.job_id = j.id AND e.state IN ('queued', 'running')))`,
    [jobIds],
  );
  expect(odd).toEqual([]);
  const [found] = await suite.query<{ n: number }>('SELECT count(*)::int AS n FROM job WHERE id = ANY($1::bigint[])', [
    jobIds,
  ]);
  expect(found!.n).toBe(jobIds.length);
}

/** Writes down each change of the lane's limits with its time, so that a replay knows which limits held when. */
export async function recordLimits(suite: EngineSuite): Promise<void> {
  await suite.query(`CREATE TABLE test_limits AS
    SELECT clock_timestamp() AS at, max_running, reserved_slots, reserved_threshold FROM lane WHERE name = 'engine'`);
  await suite.query(`CREATE FUNCTION test_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO test_limits VALUES (clock_timestamp(), NEW.max_running, NEW.reserved_slots, NEW.reserved_threshold); RETURN NEW; END $$`);
  // AFTER: by then the statement has waited for whoever held the lane, so times stand in the order in which the limits counted
  await suite.query('CREATE TRIGGER test_record AFTER UPDATE ON lane FOR EACH ROW EXECUTE FUNCTION test_record()');
}

export interface Replay {
  starts: number;
  /** Most jobs that ran at one time. */
  most: number;
  /** Limits that held at some time. */
  limits: number[];
  /** Starts that passed a limit that held at that moment. */
  violations: string[];
}

/** Goes through all starts and ends of jobs in their order and checks each start against the limits of that moment. */
export async function replayStarts(suite: EngineSuite): Promise<Replay> {
  const events = await suite.query<{
    at: string;
    jobId: string | null;
    starts: boolean;
    priority: number;
    max: number;
    reserved: number;
    threshold: number;
  }>(
    `SELECT at::text, "jobId", starts, priority, max, reserved, threshold FROM (
       SELECT m.at, job_id AS "jobId", to_state = 'started' AS starts, j.priority, 0 AS max, 0 AS reserved, 0 AS threshold
       FROM job_transition m JOIN job j ON j.id = m.job_id WHERE 'started' IN (to_state, COALESCE(from_state, ''))
       UNION ALL SELECT at, NULL, false, 0, max_running, reserved_slots, reserved_threshold FROM test_limits
     ) event ORDER BY event.at`,
  );
  const replay: Replay = { starts: 0, most: 0, limits: [], violations: [] };
  const running = new Map<string, number>();
  let limit = { max: 0, reserved: 0, threshold: 0 };
  for (const event of events) {
    if (event.jobId === null) {
      limit = event;
      replay.limits.push(event.max);
    } else if (!event.starts) {
      running.delete(event.jobId);
    } else {
      running.set(event.jobId, event.priority);
      replay.starts += 1;
      replay.most = Math.max(replay.most, running.size);
      const normal = [...running.values()].filter((priority) => priority > limit.threshold).length;
      const open = limit.max - Math.min(limit.reserved, limit.max);
      const what = `${event.at}: job ${event.jobId} of priority ${event.priority} started as number ${running.size} of ${limit.max}`;
      if (running.size > limit.max) replay.violations.push(what);
      if (event.priority > limit.threshold && normal > open) {
        replay.violations.push(`${what}, as normal job ${normal} of ${open}`);
      }
    }
  }
  return replay;
}
