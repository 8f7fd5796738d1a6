import type { JsonObject } from '@task-engine/domain';
import type { ClientConfiguration } from './client-configuration';
import type { Scope } from './expression';

/** A job as templates see it. */
export interface JobContext {
  id: string;
  priority: number;
  /** ISO 8601, UTC. */
  runAt: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  client: string;
  clientConfiguration: ClientConfiguration;
  /** Completed with defaults. */
  parameters: JsonObject;
  /** Absolute path of the job's work folder, where the caller has one. */
  workDir?: string;
}

/** Names that every template of a job may use. Secrets and callback headers of the client are left out of `client.config`. */
export function jobScope(job: Omit<JobContext, 'id'> & { id?: string }): Scope {
  const { secrets: _secrets, headers: _headers, ...config } = job.clientConfiguration;
  return {
    parameters: job.parameters,
    job: { id: job.id ?? null, priority: job.priority, run_at: job.runAt, created_at: job.createdAt },
    client: {
      name: job.client,
      default_storage: job.clientConfiguration.default_storage,
      config: config as JsonObject,
    },
    ...(job.workDir === undefined ? {} : { work_dir: job.workDir }),
  };
}
