import { readFileSync } from 'node:fs';
import { CallbackListener } from '../../support/callback-listener';
import { eventually } from '../../support/eventually';
import { startSuite, type TestSuite } from '../../support/start-suite';

/** Each stands for one way a secret comes in; none of them may come out where it was not asked for by its owner. */
const SECRETS = {
  key: 'key-of-the-client-7c31',
  wrongKey: 'key-of-nobody-99ab',
  parameter: 'password-in-parameters-51d0',
  query: 'token-in-callback-url-77e2',
  bearer: 'bearer-of-a-proxy-0f0f',
};

describe('secrets', () => {
  let running: TestSuite;
  let listener: CallbackListener;

  beforeAll(async () => {
    listener = await CallbackListener.start();
    running = await startSuite({ env: { BOOTSTRAP_CLIENTS: `demo-client:${SECRETS.key}`, LOG_LEVEL: 'debug' } });
  });
  afterAll(async () => {
    await running?.stop();
    await listener?.close();
  });

  it('reach neither a log, nor a metric, nor the job log', async () => {
    const send = (key: string) =>
      fetch(`${running.url}/job`, {
        method: 'POST',
        headers: {
          client: 'demo-client',
          'api-key': key,
          authorization: `Bearer ${SECRETS.bearer}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({
          job: { workflow: 'noop' },
          parameters: {
            password: SECRETS.parameter,
            rest_endpoints: [
              `${listener.url('/hook')}?token=${SECRETS.query}`,
              `http://10.0.0.1/hook?token=${SECRETS.query}`,
            ],
          },
        }),
      });
    expect((await send(SECRETS.wrongKey)).status).toBe(401);
    const { id, ...rest } = (await (await send(SECRETS.key)).json()) as { id: string };
    expect(rest).toEqual({ result: 'accepted' });
    await listener.received(3);

    const rows = await eventually(async () => {
      const log = await (await fetch(`${running.url}/logs/${id}?show_all=1`)).text();
      expect(log).toContain('job has completed successfully');
      return log;
    });
    const job = await (await fetch(`${running.url}/jobs/${id}`)).text();
    const metrics = await Promise.all(
      running.suite.members.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()),
    );
    const logs = running.suite.members.map(({ spec }) => readFileSync(spec.logFile, 'utf8'));
    expect(logs.every((log) => log.length > 0)).toBe(true);
    for (const [name, secret] of Object.entries(SECRETS)) {
      for (const text of [...logs, ...metrics, rows])
        expect({ name, shown: text.includes(secret) }).toEqual({ name, shown: false });
    }
    expect(job).not.toContain(SECRETS.key);
    expect(job).not.toContain(SECRETS.parameter);
    // the first row shows the key's last four characters, as the document does
    expect(rows).toContain('*7c31');
  });
});
