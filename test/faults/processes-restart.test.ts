import { APPS } from '../../scripts/local/app-process';
import { FaultSuite, print } from './support/fault-suite';

describe('a rolling restart', () => {
  let suite: FaultSuite;

  beforeAll(async () => {
    suite = await FaultSuite.start();
  });

  afterAll(() => suite?.stop());

  it('of all apps, one process after the other: no request fails for clients that repeat what got no answer', async () => {
    let slowest = 0;
    const { sent, share } = await suite.endure(
      'rolling restart of all ten processes',
      async () => {
        for (const app of APPS) {
          for (const member of suite.engine.members(app)) {
            const { milliseconds, ...end } = await suite.takeDown(member);
            expect(end).toEqual({ code: 0, signal: null });
            slowest = Math.max(slowest, milliseconds);
            await suite.bringUp(member);
          }
        }
      },
      { repeats: 25 },
    );
    expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
    const repeated = sent.filter(({ repeats }) => repeats > 0);
    const waited = Math.max(...sent.map(({ sentAt, answeredAt }) => answeredAt - sentAt));
    print(
      `rolling restart: ${sent.length} requests, ${repeated.length} of them repeated, none failed, slowest answer ${waited} ms; ` +
        `slowest end of a process ${slowest} ms; ${Math.round(share * 100)} % of the rate`,
    );
    expect(share).toBeGreaterThanOrEqual(0.7);
    const lost = await suite.engine.query(`SELECT id FROM execution WHERE state = 'lost'`);
    expect(lost).toEqual([]);
  }, 300_000);
});
