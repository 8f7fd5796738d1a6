import type { Manager, Project, PullWorker } from '@task-engine/engine';
import { encode } from '../json/encode';
import { presentLogLine } from '../logs/log.presenter';
import { presentManager, presentManagerRole } from '../managers/manager.presenter';
import { presentWorker, presentWorkerStatistics } from '../workers/worker.presenter';
import { presentAccess, presentProject } from './project.presenter';

const project: Project = {
  id: 1,
  laneId: 9,
  priority: 999n,
  name: 'My project',
  cloneUrl: 'http://github.com/test/test',
  gitRepo: 'myrepo',
  version: '1.0',
  motd: '',
  public: true,
  hidden: false,
  chainId: null,
  paused: false,
  assignRate: 2,
  submitRate: 2,
};

const worker: PullWorker = {
  id: 1,
  uuid: '11111111-1111-4111-8111-111111111111',
  alias: 'some alias',
  secret: Buffer.from('ftZVO4w9Fc7bDuOISRaJL9P92ijkfvNah1Ldgc0a9f8=', 'base64'),
  paused: false,
  closedTasks: 9_007_199_254_740_993n,
  createdAt: new Date(1_559_396_382_900),
};

const manager: Manager = { id: 2, username: 'admin', admin: true, registeredAt: new Date(1_559_396_382_000) };

describe('as clients see it', () => {
  it('a project is that of the document', () => {
    expect(encode(presentProject(project))).toBe(
      '{"id":1,"priority":999,"name":"My project","clone_url":"http://github.com/test/test","git_repo":"myrepo","version":"1.0","motd":"",' +
        '"public":true,"hidden":false,"chain":0,"paused":false,"assign_rate":2,"submit_rate":2}',
    );
  });

  it('a project without limits has the largest ones', () => {
    const shown = encode(presentProject({ ...project, assignRate: null, submitRate: null, chainId: 7 }));
    expect(shown).toContain('"assign_rate":1.7976931348623157e+308,"submit_rate":1.7976931348623157e+308');
    expect(shown).toContain('"chain":7');
  });

  it('a worker is that of the document, its secret only for those who may know it', () => {
    expect(encode(presentWorker(worker, { secret: true }))).toBe(
      '{"id":1,"created":1559396382,"alias":"some alias","secret":"ftZVO4w9Fc7bDuOISRaJL9P92ijkfvNah1Ldgc0a9f8=","paused":false}',
    );
    expect(encode(presentWorker({ ...worker, alias: '' }))).toBe(
      '{"id":1,"created":1559396382,"secret":null,"paused":false}',
    );
    expect(encode(presentWorkerStatistics(worker))).toBe(
      '{"alias":"some alias","closed_task_count":9007199254740993,"paused":false,"id":1}',
    );
  });

  it('access has its worker in it, without a secret', () => {
    const access = { projectId: 3, worker, assign: true, submit: false, pending: true };
    expect(encode(presentAccess(access))).toBe(
      '{"submit":false,"assign":true,"request":true,"worker":{"id":1,"created":1559396382,"alias":"some alias","secret":null,"paused":false},"project":3}',
    );
  });

  it('a manager has his role beside him', () => {
    expect(encode(presentManager(manager))).toBe(
      '{"id":2,"username":"admin","tracker_admin":true,"register_time":1559396382}',
    );
    expect(encode(presentManagerRole({ manager, role: -1 }))).toBe(
      '{"manager":{"id":2,"username":"admin","tracker_admin":true,"register_time":1559396382},"role":-1}',
    );
  });

  it('a log line has scope and worker as JSON in a text', () => {
    const line = { workerId: 1, level: 5, scope: 'a "b"', message: 'm', loggedAt: 9_223_372_036_854_775_807n };
    expect(encode(presentLogLine(line))).toBe(
      '{"message":"m","timestamp":9223372036854775807,"data":"{\\"scope\\":\\"a \\\\\\"b\\\\\\"\\",\\"worker\\":1}","level":5}',
    );
  });
});
