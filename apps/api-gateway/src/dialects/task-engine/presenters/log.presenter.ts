import { type JobLogRow, SEVERITY } from '@task-engine/database';

const DESCRIPTIONS = new Map<number, string>(
  Object.entries(SEVERITY).map(([description, severity]) => [severity, description]),
);

export function presentLogRow(row: JobLogRow) {
  return {
    id: Number(row.id),
    job_id: Number(row.jobId),
    severity: row.severity,
    severity_description: DESCRIPTIONS.get(row.severity) ?? 'UNKNOWN',
    progname: row.progname,
    message: row.message,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    task_id: Number(row.taskId),
    visible: row.visible,
  };
}
