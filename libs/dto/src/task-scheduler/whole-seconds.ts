/** `2023-06-15T10:00:00Z`: timestamps of the Task Scheduler API have whole seconds (reference/distributed-task-scheduler.md C6). */
export function wholeSeconds(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
