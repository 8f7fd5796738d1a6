import { createHmac } from 'node:crypto';
import { startSuite, type TestSuite } from '../../support/start-suite';
import { TaskTrackerClient } from './task-tracker-client';

const WRONG = { status: 403, text: 'Signature does not match' };
const REFUSED = { status: 400, text: '' };
const DONE = { status: 200, text: '' };

describe('the hook of pushes', () => {
  let suite: TestSuite;
  let guest: TaskTrackerClient;
  let admin: TaskTrackerClient;

  beforeAll(async () => {
    suite = await startSuite({ apps: ['api-gateway'] });
    guest = new TaskTrackerClient(suite.url);
    admin = await guest.manager('admin');
  });
  afterAll(() => suite?.stop());

  async function project(repository: string): Promise<{ id: number; secret: string; version: () => Promise<string> }> {
    const id = await admin.project({ git_repo: repository, version: 'first' });
    return {
      id,
      secret: (await admin.get(`/project/webhook_secret/${id}`)).body.content.webhook_secret,
      version: async () => (await guest.get(`/project/get/${id}`)).body.content.project.version,
    };
  }

  const event = (repository: string, more: object = {}) =>
    JSON.stringify(
      {
        ref: 'refs/heads/master',
        after: '1481a2de7b2a7d02428ad93446ab166be7793fbb',
        commits: [{ id: 'a' }],
        repository: { id: 9_007_199_254_740_993, full_name: repository },
        ...more,
      },
      null,
      2,
    );
  const sign = (body: string, secret: string, hash = 'sha256') => createHmac(hash, secret).update(body).digest('hex');
  const send = async (body: string, signature?: string, header = 'X-Gogs-Signature') => {
    const headers: Record<string, string> = signature === undefined ? {} : { [header]: signature };
    const { status, text } = await guest.post('/git/receivehook', body, { headers });
    return { status, text };
  };

  it('gives the project of the repository the version of a signed push, and changes nothing else', async () => {
    const { id, secret, version } = await project('Owner/Repository');
    const before = (await guest.get(`/project/get/${id}`)).body.content.project;
    const body = event('owner/REPOSITORY');
    expect(await send(body, sign(body, secret))).toEqual(DONE);
    expect((await guest.get(`/project/get/${id}`)).body.content.project).toEqual({
      ...before,
      version: '1481a2de7b2a7d02428ad93446ab166be7793fbb',
    });
    for (const prefix of ['sha256=', 'sha1=', 'a=b=']) {
      const next = event('owner/repository', { after: prefix });
      expect(await send(next, prefix + sign(next, secret))).toEqual(DONE);
      expect(await version()).toBe(prefix);
    }
    const without = event('owner/repository', { after: undefined, ref: 'refs/heads/notmaster' });
    expect(await send(without, sign(without, secret))).toEqual(DONE);
    expect(await version()).toBe('');
  });

  it('refuses what is not signed with the secret of the project', async () => {
    const { id, secret, version } = await project('signed/repository');
    const body = event('signed/repository');
    const right = sign(body, secret);
    for (const wrong of [
      undefined,
      '',
      'sha256=',
      right.toUpperCase(),
      right.slice(1),
      `${right}=`,
      sign(body, 'other'),
    ])
      expect(await send(body, wrong)).toEqual(WRONG);
    expect(await send(`${body} `, right)).toEqual(WRONG);
    expect(await send(body, sign(body, secret, 'sha1'))).toEqual(WRONG);
    expect(await send(body, right, 'X-Hub-Signature')).toEqual(WRONG);
    await admin.accepted(`/project/webhook_secret/${id}`, { webhook_secret: '' });
    expect(await send(body, sign(body, ''))).toEqual(WRONG);
    expect(await version()).toBe('first');
  });

  it('refuses without a word what is no push to a master branch of a known repository', async () => {
    const { secret, version } = await project('known/repository');
    for (const body of [
      '',
      'nonsense',
      'null',
      '[]',
      '{}',
      '{"ref":5}',
      '{"zen":"Design for failure.","hook_id":1}',
      event('known/repository', { ref: 'refs/heads/main' }),
      event('known/repository', { ref: 'refs/heads/master2' }),
      event('known/repository', { repository: 'known/repository' }),
      event('known/repository', { after: 'a\u0000' }),
      event('unknown/repository'),
      event('unknown/repository'.repeat(1_000)),
    ])
      expect(await send(body, sign(body, secret))).toEqual(REFUSED);
    expect(await version()).toBe('first');
  });
});

it('the hook takes another header and hash, as they are configured', async () => {
  const suite = await startSuite({
    apps: ['api-gateway'],
    env: { TASK_TRACKER_WEBHOOK_HASH: 'sha1', TASK_TRACKER_WEBHOOK_HEADER: 'X-Hub-Signature' },
  });
  try {
    const guest = new TaskTrackerClient(suite.url);
    const admin = await guest.manager('admin');
    const id = await admin.project({ git_repo: 'a/b' });
    await admin.accepted(`/project/webhook_secret/${id}`, { webhook_secret: 'test' });
    const body = '{"ref":"master","after":"v2","repository":{"full_name":"a/b"}}';
    const signature = `sha1=${createHmac('sha1', 'test').update(body).digest('hex')}`;
    const headers = { 'X-Hub-Signature': signature };
    expect((await guest.post('/git/receivehook', body, { headers })).status).toBe(200);
    expect((await guest.get(`/project/get/${id}`)).body.content.project.version).toBe('v2');
  } finally {
    await suite.stop();
  }
});
