import type { Access, Project } from '@task-engine/engine';
import { presentWorker } from '../workers/worker.presenter';

/** How clients of this API see that there is no limit. */
export const UNLIMITED = Number.MAX_VALUE;

export function presentProject(project: Project) {
  return {
    id: project.id,
    priority: project.priority,
    name: project.name,
    clone_url: project.cloneUrl,
    git_repo: project.gitRepo,
    version: project.version,
    motd: project.motd,
    public: project.public,
    hidden: project.hidden,
    chain: project.chainId ?? 0,
    paused: project.paused,
    assign_rate: project.assignRate ?? UNLIMITED,
    submit_rate: project.submitRate ?? UNLIMITED,
  };
}

export function presentAccess({ submit, assign, pending, worker, projectId }: Access) {
  return { submit, assign, request: pending, worker: presentWorker(worker), project: projectId };
}
