import { bigints, type Sql, unseen } from '../sql';
import { storableText } from '../storable';

/** Ruby Logger numbering, as the Task Engine API shows it (reference/task-engine.md A9). */
export const SEVERITY = {
  DEBUG: 0,
  INFO: 1,
  WARN: 2,
  ERROR: 3,
  FATAL: 4,
  UNKNOWN: 5,
} as const;

export type Progname = 'api' | 'worker' | 'controller' | 'callback';

export interface LogLine {
  jobId: string;
  /** '0' when the line is not about a task. */
  taskId?: string;
  severity?: keyof typeof SEVERITY;
  progname: Progname;
  message: string;
  /** False hides the line unless the reader asks for all. */
  visible?: boolean;
  /** When it was said; default: now, by the database's clock. */
  at?: Date;
}

/** Longest line kept, in characters; the rest is cut with a marker. */
const MAX_LENGTH = 65_536;

/** The job log that the APIs serve. */
export class JobLogStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Appends lines in the given order. Lines of jobs that are gone (retention) are dropped, not an error; a caller who holds the locks of
   * all the jobs says so and is spared that look.
   */
  async append(lines: LogLine[], { jobsLocked = false } = {}): Promise<void> {
    if (lines.length === 0) return;
    await this.sql.prepared(
      `INSERT INTO job_log (job_id, task_id, severity, progname, message, visible, created_at, updated_at)
       SELECT l.job_id, l.task_id, l.severity, l.progname, l.message, l.visible, COALESCE(l.at, clock_timestamp()), COALESCE(l.at, clock_timestamp())
       FROM unnest(${unseen('$1', 'bigint[]')}, $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[])
            WITH ORDINALITY AS l (job_id, task_id, severity, progname, message, visible, at, n)
       ${jobsLocked ? '' : 'WHERE (SELECT true FROM job WHERE job.id = l.job_id)'}
       ORDER BY l.n`,
      [
        bigints(lines.map((line) => line.jobId)),
        bigints(lines.map((line) => line.taskId ?? '0')),
        bigints(lines.map((line) => SEVERITY[line.severity ?? 'INFO'])),
        lines.map((line) => line.progname),
        lines.map((line) => shortened(line.message)),
        lines.map((line) => line.visible ?? true),
        lines.map((line) => line.at ?? null),
      ],
    );
  }
}

function shortened(message: string): string {
  const text = storableText(message);
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH).toWellFormed()}… (cut)`;
}
