import type { LogRow } from './engine-client';
import { columns, shorten } from './screen';

/** A task as the job's log tells about it. */
interface TaskView {
  name: string;
  state: 'started' | 'completed' | 'failed' | 'retry';
  startedAt: Date;
  endedAt?: Date;
  /** Its last word, e.g. ffmpeg's progress. */
  note: string;
  /** When its progress was written as a line of the log for the last time. */
  progressAt?: number;
}

/** One line of the log, ready to be shown. */
interface LogLine {
  at: Date;
  task: string;
  text: string;
}

/** Log lines on the screen below the tasks. */
const LOG_LINES = 5;

/** Width of the column of task names; the longest of vodcapture is download_segments. */
const NAME_WIDTH = 17;

/** Milliseconds between two lines of progress of one task; the tasks' own lines show it more often. */
const PROGRESS_EVERY = 500;

/** The state of a job's tasks, read off its log (GET /logs/:id), which is all that a client of the API can see of them. */
export class JobView {
  /** By task id. */
  private readonly tasks = new Map<number, TaskView>();
  private readonly log: LogLine[] = [];
  private lastId = 0;

  /** @param began when the job was handed in: times are shown from there */
  constructor(private readonly began = new Date()) {}

  /** Takes over the rows that it does not know yet. @returns the lines that came with them */
  update(rows: readonly LogRow[]): string[] {
    const fresh = rows
      .filter((row) => row.id > this.lastId && isNews(row))
      .sort((one, other) => one.created_at.localeCompare(other.created_at));
    this.lastId = Math.max(this.lastId, ...rows.map((row) => row.id));
    const lines = fresh.map((row) => this.take(row)).filter((line) => line !== undefined);
    this.log.push(...lines);
    return lines.map((line) => this.line(line));
  }

  /** Names of the tasks that have started, in order. */
  get names(): string[] {
    return [...this.tasks.values()].map(({ name }) => name);
  }

  /** The tasks, one line each, with what running ones say. */
  taskLines(now = new Date()): string[] {
    const rows = [...this.tasks.values()].map((task) => {
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

  private line({ at, task, text }: LogLine): string {
    const seconds = ((at.getTime() - this.began.getTime()) / 1000).toFixed(1);
    return `  ${seconds.padStart(5)} s  ${task.padEnd(NAME_WIDTH)}  ${text}`;
  }

  private take({ message, created_at, task_id, progname }: LogRow): LogLine | undefined {
    const at = new Date(created_at);
    const started = /^Task '([^']+)' started$/.exec(message)?.[1];
    if (started) {
      const before = this.tasks.get(task_id);
      this.tasks.set(task_id, { name: started, state: 'started', startedAt: before?.startedAt ?? at, note: '' });
      return { at, task: started, text: before ? 'started again' : 'started' };
    }
    const task = progname === 'worker' ? this.tasks.get(task_id) : undefined;
    if (!task) return { at, task: progname, text: message };
    const line = { at, task: task.name, text: shorten(withoutName(message, task.name)) };
    if (message.startsWith(`'${task.name}' `)) {
      task.state = line.text.startsWith('completed') ? 'completed' : / Retry \d/.test(message) ? 'retry' : 'failed';
      task.endedAt = at;
    } else if (/^\d+ %/.test(line.text)) {
      task.note = line.text;
      if (at.getTime() - (task.progressAt ?? task.startedAt.getTime()) < PROGRESS_EVERY) return undefined;
      task.progressAt = at.getTime();
      return line;
    }
    task.note = line.text;
    return line;
  }
}

/** Worker lines begin with the task's name as `'name' ` or `name: `, which has its own column here. */
function withoutName(message: string, name: string): string {
  const start = [`'${name}' `, `${name}: `].find((each) => message.startsWith(each)) ?? '';
  return message.slice(start.length);
}

/** The request in the first row is long, the look-up of definitions and each callback are the same every time. */
const isNews = (row: LogRow) => row.progname !== 'api' && !/client definitions\./.test(row.message);
