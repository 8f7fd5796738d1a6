import type {
  AccessRecord,
  ManagerRecord,
  ProjectRecord,
  PullWorkerRecord,
  WorkerLogRecord,
} from '@task-engine/database';

/** A lane whose tasks workers pull, and how it is shown to them. */
export type Project = ProjectRecord;

/** Who pulls tasks, known by id and secret. */
export type PullWorker = PullWorkerRecord;

/** Who looks after projects. */
export type Manager = ManagerRecord;

/** What a worker may do in a project, or has asked for. */
export type Access = AccessRecord;

/** A line that a worker has written. */
export type WorkerLogLine = WorkerLogRecord;

/** Bits of `ROLE`: what a manager may do in a project. */
export type Role = number;

export const ROLE = { read: 1, edit: 2, manageAccess: 4, secret: 8, maintenance: 16 } as const;

/** Of who made the project. */
export const ALL_ROLES: Role = Object.values(ROLE).reduce<Role>((all, bit) => all | bit, 0);

/** A manager's login. */
export interface Session {
  /** Shown once: only its digest is kept. */
  token: string;
  expiresAt: Date;
}

/** What a project is made with, and what an update replaces. */
export type ProjectFields = Omit<Project, 'id' | 'laneId' | 'paused' | 'chainId'> & {
  /** May be the id of nothing. */
  chainId: bigint | null;
};

/** Client of the engine that owns the jobs of all projects. Nobody has a key of it: names of clients with keys have no slash. */
export const PROJECT_CLIENT = 'task-tracker/projects';
