import type { LogRow } from './engine-client';
import { columns } from './screen';

/** A task as the job's log tells about it. */
export interface TaskView {
  name: string;
  state: 'started' | 'completed' | 'failed' | 'retry';
  startedAt: Date;
  endedAt?: Date;
  /** Its last word, e.g. ffmpeg's progress. */
  note: string;
}

/** One line of the log, ready to be shown. */
export interface LogLine {
  at: Date;
  task: string;
  text: string;
}

/** Log lines on the screen below the tasks. */
const LOG_LINES = 5;

/** The state of a job's tasks, read off its log (GET /logs/:id), which is all that a client of the API can see of them. */
export class JobView {
  private readonly tasks = new Map<string, TaskView>();
  private readonly log: LogLine[] = [];
  private lastId = 0;

  /** @param now the time the view counts from */
  constructor(private readonly began = new Date()) {}

  /** Takes over the rows that it does not know yet. @returns the lines that came with them */
  update(rows: readonly LogRow[]): LogLine[] {
    const fresh = rows
      .filter((row) => row.id > this.lastId && isNews(row))
      .sort((one, other) => one.created_at.localeCompare(other.created_at));
    this.lastId = Math.max(this.lastId, ...rows.map((row) => row.id));
    const lines = fresh.map((row) => this.take(row));
    this.log.push(...lines);
    return lines;
  }

  get(name: string): TaskView | undefined {
    return this.tasks.get(name);
  }

  all(): TaskView[] {
    return [...this.tasks.values()];
  }

  /** A log line with the seconds since the job was handed in. */
  line({ at, task, text }: LogLine): string {
    return `  ${((at.getTime() - this.began.getTime()) / 1000).toFixed(1).padStart(5)} s  ${task.padEnd(NAME_WIDTH)}  ${text}`;
  }

  /** The tasks, one line each, with what running ones say. */
  taskLines(now = new Date()): string[] {
    const rows = this.all().map((task) => {
      const seconds = ((task.endedAt ?? now).getTime() - task.startedAt.getTime()) / 1000;
      const mark = { started: '..', completed: 'ok', failed: 'FAIL', retry: '..' }[task.state];
      const note = task.state === 'completed' ? '' : task.note;
      return [`  ${mark.padEnd(4)}`, `${seconds.toFixed(1).padStart(5)} s`, task.name, note];
    });
    return columns(rows);
  }

  /** Tasks above, the last of the log below. */
  block(): string[] {
    return [...this.taskLines(), '', ...this.log.slice(-LOG_LINES).map((line) => this.line(line))];
  }

  private take({ message, created_at, progname }: LogRow): LogLine {
    const at = new Date(created_at);
    const started = /^Task '([^']+)' started$/.exec(message)?.[1];
    if (started) {
      const before = this.tasks.get(started);
      this.tasks.set(started, { name: started, state: 'started', startedAt: before?.startedAt ?? at, note: '' });
      return { at, task: started, text: before ? 'started again' : 'started' };
    }
    const [, ended, verdict = ''] = /^'([^']+)' (.+)$/s.exec(message) ?? [];
    const task = ended === undefined ? undefined : this.tasks.get(ended);
    if (task) {
      task.state = verdict.startsWith('completed') ? 'completed' : verdict.includes('Retry') ? 'retry' : 'failed';
      task.note = verdict;
      task.endedAt = at;
      return { at, task: task.name, text: verdict };
    }
    const [, name, rest = ''] = /^(\w+): (.+)$/s.exec(message) ?? [];
    const talking = name === undefined ? undefined : this.tasks.get(name);
    if (talking) {
      talking.note = rest;
      return { at, task: talking.name, text: rest };
    }
    return { at, task: progname, text: message };
  }
}

/** Width of the column of task names; the longest of vodcapture is download_segments. */
const NAME_WIDTH = 17;

/** The request in the first row is long, the look-up of definitions and each callback are the same every time. */
const isNews = (row: LogRow) => row.progname !== 'api' && !/client definitions\./.test(row.message);
