import { createHmac } from 'node:crypto';
import type { Arrival, History, Violation } from '../history';
import { checkAnswers } from './answers';
import { checkCallbacks } from './callbacks';
import { checkDueTimes } from './due-times';
import { HistoryMaker } from './history.fixture';
import { checkLeases } from './leases';
import { checkEnds, checkOwnHistory, checkStates } from './states';
import { checkSubmissions } from './submissions';

const messages = (check: (history: History) => Violation[], maker: HistoryMaker) =>
  check(maker.history).map(({ message }) => message);

describe('submissions', () => {
  const check = (maker: HistoryMaker) => messages(checkSubmissions, maker);

  it('are good when what was accepted is there once, what was refused is not, and what is in doubt is there at most once', () => {
    const maker = new HistoryMaker()
      .submitted('a', { id: '1' })
      .submitted('b', { status: 400, id: '2' })
      .submitted('c', { status: 0 })
      .submitted('d', { status: 503 })
      .final({ id: '1', mark: 'a' })
      .final({ id: '3', mark: 'c' });
    expect(check(maker)).toEqual([]);
  });

  it('are reported when one is lost, doubled, refused and kept, kept under another id, or nobody asked for it', () => {
    const maker = new HistoryMaker()
      .submitted('lost', { id: '1' })
      .submitted('doubled', { status: 0 })
      .submitted('refused', { status: 400 })
      .submitted('other', { id: '5' })
      .final({ id: '2', mark: 'doubled' })
      .final({ id: '3', mark: 'doubled' })
      .final({ id: '4', mark: 'refused' })
      .final({ id: '6', mark: 'other' })
      .final({ id: '7', mark: 'foreign' });
    expect(check(maker)).toEqual([
      'submission lost, answered 200 with id 1, is lost',
      'submission doubled, answered 0, is there 2 times: jobs 2, 3',
      'submission refused, answered 400, is there all the same: job 4',
      'submission other, answered 200 with id 5, is there as job 6',
      'nobody submitted foreign: jobs 7',
    ]);
  });

  it('are reported when a rerun is lost, doubled or nobody asked for it', () => {
    const rerun = (jobId: string) => ({ kind: 'rerun', jobId }) as const;
    const maker = new HistoryMaker()
      .request(rerun('1'), { id: '11' })
      .request(rerun('2'), { id: '12' })
      .request(rerun('3'), { status: 0 })
      .final({ id: '12', rerunOf: '2' })
      .final({ id: '13', rerunOf: '2' })
      .final({ id: '14', rerunOf: '3' })
      .final({ id: '15', rerunOf: '4' });
    expect(check(maker)).toEqual([
      'reruns of job 1: accepted as 11, which are lost',
      'reruns of job 2: 1 accepted, 0 in doubt, 2 made',
      'reruns of job 4: nobody asked for one',
    ]);
  });
});

describe('states', () => {
  it('are good along the table of transitions, also when a finished job is broken', () => {
    const maker = new HistoryMaker().job(
      '1',
      'queued',
      'started',
      'paused',
      'queued',
      'started',
      'completed',
      'broken',
    );
    expect([...checkStates(maker.history), ...checkEnds(maker.history)]).toEqual([]);
  });

  it('are reported when a change is not allowed or does not start where the last one ended', () => {
    const maker = new HistoryMaker().job('1', 'queued', 'completed').job('2', 'queued', 'started');
    maker.history.events.at(-1)!.before = { ...maker.history.events.at(-1)!.after, state: 'paused' } as never;
    expect(messages(checkStates, maker)).toEqual([
      'job 1 went from queued to completed',
      'job 2 was queued, yet a change found it paused',
    ]);
  });

  it('are reported when a job ends twice or never', () => {
    const twice = new HistoryMaker().job('1', 'queued', 'started', 'completed', 'failed');
    expect(messages(checkEnds, twice)).toEqual(['job 1 ended several times: completed, failed']);
    const never = new HistoryMaker().job('1', 'queued').final({ id: '1', waitReason: 'LaneFull' });
    expect(messages(checkEnds, never)).toEqual(['job 1 never ended: it is queued (LaneFull)']);
  });

  it("are reported when the engine's own history tells something else", () => {
    const maker = new HistoryMaker().job('1', 'queued', 'started').job('2', 'queued');
    maker.history.transitions.push({ jobId: '1', from: null, to: 'queued' }, { jobId: '2', from: null, to: 'queued' });
    expect(messages(checkOwnHistory, maker)).toEqual([
      'job 1 went nothing > queued, queued > started, its history says nothing > queued',
    ]);
  });
});

describe('leases', () => {
  const check = (maker: HistoryMaker) => messages(checkLeases, maker);
  const run = (maker: HistoryMaker, id: string, token: number) =>
    maker.change('execution', id, {}).change('execution', id, { state: 'running', token: String(token) });

  it('are good when a lost one is followed by one with a larger token', () => {
    const maker = run(new HistoryMaker(), '1', 7).change('execution', '1', { state: 'lost' });
    run(maker, '2', 8)
      .change('execution', '2', { state: 'succeeded' })
      .change('task', '1', {})
      .change('task', '1', { state: 'completed' });
    expect(check(maker)).toEqual([]);
  });

  it('are reported when two of a task live at one time', () => {
    const maker = run(run(new HistoryMaker(), '1', 7), '2', 8);
    expect(check(maker)).toEqual(['execution 2 of task 1 began while execution 1 ran']);
  });

  it('are reported when a token does not grow', () => {
    const maker = run(new HistoryMaker(), '1', 10).change('execution', '1', { state: 'lost' });
    expect(check(run(maker, '2', 9))).toEqual(['execution 2 of task 1 got token 9 after 10']);
  });

  it('are reported when an execution that was lost takes a report, or a token changes under way', () => {
    const late = run(new HistoryMaker(), '1', 7)
      .change('execution', '1', { state: 'lost' })
      .change('execution', '1', { state: 'succeeded' });
    expect(checkStates(late.history)).toMatchObject([
      { invariant: 'a stale report changes nothing', message: 'execution 1 went from lost to succeeded' },
    ]);
    const changed = run(new HistoryMaker(), '1', 7).change('execution', '1', { state: 'failed', token: '8' });
    expect(check(changed)).toEqual(['execution 1 held token 7 and left with 8']);
  });

  it('are reported when a task is finished twice, by two executions, or by none', () => {
    const twice = new HistoryMaker();
    for (const id of ['1', '2']) run(twice, id, Number(id)).change('execution', id, { state: 'succeeded' });
    for (const state of ['completed', 'failed'] as const) twice.change('task', '1', { state });
    twice.change('task', '2', { state: 'completed' });
    expect(check(twice)).toEqual([
      'task 1 succeeded in executions 1, 2',
      "task 1 'noop' ended completed, failed",
      "task 2 'noop' is completed, but no execution of it succeeded",
    ]);
  });
});

describe('due times', () => {
  const check = (maker: HistoryMaker) => messages(checkDueTimes, maker);
  const fire = (maker: HistoryMaker, due: number, tick = due) =>
    maker.together(() =>
      maker
        .change('schedule_tick', `release ${tick}`, { due_at: tick })
        .change('schedule', 'release', { next_at: due + 1_000 }),
    );

  it('are good when each move of a schedule leaves its tick', () => {
    const maker = new HistoryMaker().change('schedule', 'release', {}).wait(1_000);
    fire(fire(maker, 1_000).wait(1_000), 2_000);
    expect(check(maker)).toEqual([]);
  });

  it('are reported when one fires early, is left out, or fires for another time', () => {
    const early = new HistoryMaker().change('schedule', 'release', { next_at: 9_000 });
    expect(check(fire(early, 9_000))).toEqual([expect.stringMatching(/^release fired \d+ ms before its time$/)]);
    const without = new HistoryMaker()
      .change('schedule', 'release', {})
      .change('schedule', 'release', { next_at: 2_000 });
    expect(check(without)).toEqual([expect.stringMatching(/^release moved on from .* without a tick$/)]);
    const other = new HistoryMaker().change('schedule', 'release', {});
    expect(check(fire(other, 1_000, 500))).toHaveLength(2);
  });

  it('are reported when a job is released before its time', () => {
    const maker = new HistoryMaker().job('1', { state: 'scheduled', run_at: 2_000 }, 'queued');
    expect(check(maker)).toEqual([expect.stringMatching(/^job 1 was released \d+ ms before its run_at$/)]);
  });
});

describe('callbacks', () => {
  const url = 'http://endpoint/';
  const secret = `whsec_${Buffer.from('a key').toString('base64')}`;
  const check = (maker: HistoryMaker) => messages(checkCallbacks, maker);

  const signed = (messageId: string, more: Partial<Arrival> = {}): Arrival => {
    const key = Buffer.from('a key');
    const signature = `v1,${createHmac('sha256', key).update(`${messageId}.7.{}`).digest('base64')}`;
    return { at: 5_000, url, messageId, timestamp: '7', signature, body: '{}', status: 200, ...more };
  };

  /** A job with one task whose two events are delivered. */
  function told(): HistoryMaker {
    const maker = new HistoryMaker().submitted('a', { id: '1' }, [url]).final({});
    maker.history.secrets['demo-client'] = secret;
    maker
      .job('1', 'queued', 'started')
      .change('task', '1', {})
      .change('task', '1', { state: 'queued' })
      .together(() => maker.change('task', '1', { state: 'started', started: true }).change('delivery', '1', {}))
      .together(() =>
        maker
          .change('task', '1', { state: 'completed' })
          .change('delivery', '2', { event: 'complete', message_id: 'msg_2' }),
      );
    for (const id of ['1', '2'])
      maker
        .change('delivery', id, { state: 'sending', attempts: 1 })
        .change('delivery', id, { state: 'delivered' })
        .history.arrivals.push(signed(`msg_${id}`, { at: maker.now }));
    return maker;
  }

  it('are good when each event came in at each endpoint, in order, perhaps more than once', () => {
    const maker = told();
    maker.history.arrivals.push(signed('msg_1'));
    expect(check(maker)).toEqual([]);
  });

  it('are reported when an event has no delivery, or one of another transaction, or two', () => {
    const maker = told();
    maker.together(() => maker.job('1', 'completed'));
    maker.change('delivery', '3', { event: 'job_completed', message_id: 'msg_3' });
    expect(check(maker)).toEqual([
      `a delivery that nothing asks for, or a second one: job_completed of job 1 to ${url}`,
      `no delivery was written for job_completed of job 1 to ${url}`,
      expect.stringContaining('is still pending after 0 tries'),
    ]);
  });

  it('are reported when one that counts as delivered never came in', () => {
    const maker = told();
    maker.history.arrivals.pop();
    expect(check(maker)).toEqual([
      `delivery 2, complete of job 1 to ${url}, is delivered, but came in 0 times and was never answered 2xx`,
    ]);
  });

  it('are reported when a try has an id that no delivery has, another body, or a wrong signature', () => {
    const cases: [Arrival, RegExp][] = [
      [signed('msg_9'), /^msg_9 came in at .*, but there is no such delivery$/],
      [
        signed('msg_1', { url: 'http://elsewhere/' }),
        /^start of job 1 \(msg_1\) came in at http:\/\/elsewhere\/ instead of/,
      ],
      [signed('msg_2', { signature: 'v1,AAAA' }), /^complete of job 1 \(msg_2\) has a wrong signature: v1,AAAA$/],
    ];
    for (const [arrival, message] of cases) {
      const maker = told();
      maker.history.arrivals.push(arrival);
      expect(check(maker)).toEqual([expect.stringMatching(message)]);
    }
    const changed = told();
    changed.history.arrivals.push(signed('msg_1', { body: '[]' }));
    // the signature is of what was written
    expect(check(changed)).toEqual([
      'start of job 1 (msg_1) came in with another body: []',
      expect.stringMatching(/^start of job 1 \(msg_1\) has a wrong signature/),
    ]);
  });

  it('are reported when a later event is sent before the earlier one had its try', () => {
    const maker = told();
    const sent = maker.history.events.findLastIndex(
      (event) => event.table === 'delivery' && event.after.state === 'sending',
    );
    const [later] = maker.history.events.splice(sent, 1);
    const first = maker.history.events.findIndex(
      (event) => event.table === 'delivery' && event.after.state === 'sending',
    );
    maker.history.events.splice(first, 0, { ...later!, seq: maker.history.events[first]!.seq - 0.5 });
    expect(check(maker)).toEqual([
      `complete (delivery 2) of job 1 to ${url} was sent before start (delivery 1) had had its try`,
    ]);
  });

  it('are reported when a later event came in before one that was delivered at its first try', () => {
    const maker = told();
    maker.history.arrivals[0]!.at = maker.now + 100;
    expect(check(maker)).toEqual([`complete (delivery 2) of job 1 to ${url} came in before start (delivery 1)`]);
  });
});

describe('answers', () => {
  const check = (maker: HistoryMaker) => messages(checkAnswers, maker);

  it('are good when what was accepted was there in between, and what was refused was impossible', () => {
    const maker = new HistoryMaker({ max_running: 7 })
      .request({ kind: 'setting', name: 'max_jobs', value: 7 })
      .job('1', 'queued', 'paused')
      .request({ kind: 'pause', jobId: '1' })
      .wait(5_000)
      .job('1', 'broken')
      .wait(5_000)
      .request({ kind: 'pause', jobId: '1' }, { status: 400 });
    expect(check(maker)).toEqual([]);
  });

  it('are reported when an accepted change is nowhere to be seen', () => {
    const maker = new HistoryMaker().job('1', 'queued').wait(5_000);
    for (const kind of ['pause', 'break', 'rerun'] as const) maker.request({ kind, jobId: '1' });
    maker
      .request({ kind: 'priority', jobId: '1', value: 9 })
      .request({ kind: 'run_at', jobId: '1', at: 90_000 })
      .request({ kind: 'semaphore', jobId: '1', url: 'http://s/' })
      .request({ kind: 'setting', name: 'max_jobs', value: 7 });
    expect(check(maker)).toEqual([
      ...['pause', 'break', 'rerun', 'priority', 'run_at', 'semaphore'].map(
        (kind) => `${kind} of job 1 was answered 200, but there is nothing of it`,
      ),
      'max_jobs = 7 was answered 200 and never set',
    ]);
  });

  it('are reported when a change was possible and was refused', () => {
    const maker = new HistoryMaker()
      .job('1', 'queued')
      .request({ kind: 'break', jobId: '1' }, { status: 400, text: 'no' });
    expect(check(maker)).toEqual(['break of job 1 was answered 400, for no reason: no']);
  });
});
