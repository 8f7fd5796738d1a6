import { HistoryMaker } from './history.fixture';
import { checkEligibility } from './eligibility';
import { checkLimits } from './limits';
import { checkOrder } from './order';

describe('limits', () => {
  const check = (maker: HistoryMaker) => checkLimits(maker.history).map(({ message }) => message);
  const started = (maker: HistoryMaker, ...jobs: [id: string, priority: number, client?: number][]) => {
    for (const [id, priority, client_id = 1] of jobs) maker.job(id, { priority, client_id }, 'started');
    return maker;
  };

  it('are good as long as each start finds a slot, also after one was lowered below what runs', () => {
    const maker = started(new HistoryMaker(), ['1', 5], ['2', 5]).change('lane', '1', { max_running: 1 });
    started(maker.job('1', 'completed').job('2', 'paused'), ['3', 5]);
    expect(check(maker)).toEqual([]);
  });

  it('are reported when more jobs run than max_running, as it is at the start', () => {
    const maker = started(new HistoryMaker(), ['1', 5], ['2', 5], ['3', 5]);
    expect(check(maker)).toEqual(['job 3 of priority 5 started as number 3 of 2 in its lane']);
    const lowered = started(new HistoryMaker(), ['1', 5]).change('lane', '1', { max_running: 1 });
    expect(check(started(lowered, ['2', 5]))).toHaveLength(1);
  });

  it('are reported when normal jobs take reserved slots', () => {
    const maker = started(new HistoryMaker({ max_running: 3, reserved_slots: 1 }), ['1', 6], ['2', 6], ['3', 6]);
    expect(check(maker)).toEqual([
      'job 3 of priority 6 started as normal job 3 of 2: 1 of 3 slots are kept for priority 5 and better',
    ]);
    expect(
      check(started(new HistoryMaker({ max_running: 3, reserved_slots: 1 }), ['1', 6], ['2', 6], ['3', 5])),
    ).toEqual([]);
  });

  it('hold a job that turned normal against later starts only once they must have seen it', () => {
    const lane = { max_running: 3, reserved_slots: 2 };
    const turned = started(new HistoryMaker(lane), ['1', 5]).job('1', { priority: 8 });
    expect(check(started(turned, ['2', 6]))).toHaveLength(1);
    const unseen = started(new HistoryMaker(lane), ['1', 5]).job('2', { priority: 6 });
    unseen.unseen(() => unseen.job('1', { priority: 8 })).job('2', 'started');
    expect(check(unseen)).toEqual([]);
  });

  it('are reported when a client passes its cap, unless the cap is so new that it may not have been seen', () => {
    const capped = () => new HistoryMaker({ max_running: 9 }).change('client', '2', { max_running: 1 });
    expect(check(started(capped(), ['1', 5, 2], ['2', 5, 1], ['3', 5, 2]))).toEqual([
      "job 3 of priority 5 started as number 2 of its client's 1",
    ]);
    const lanes = capped().change('lane', '2', { name: 'task-scheduler' });
    expect(check(started(lanes, ['1', 5, 2]).job('2', { client_id: 2, lane_id: 2 }, 'started'))).toHaveLength(1);
    const lowered = started(new HistoryMaker({ max_running: 9 }), ['1', 5, 2]).job('2', { client_id: 2 });
    lowered.unseen(() => lowered.change('client', '2', { max_running: 1 })).job('2', 'started');
    expect(check(lowered)).toEqual([]);
  });
});

describe('eligibility', () => {
  const check = (maker: HistoryMaker) => checkEligibility(maker.history).map(({ message }) => message);

  it('is reported when a job starts before its time', () => {
    const maker = new HistoryMaker().job('1', { run_at: 1_500 }, 'started');
    expect(check(maker)).toEqual([expect.stringMatching(/^job 1 started \d+ ms before its run_at$/)]);
    expect(check(new HistoryMaker().job('1', { run_at: 1_500 }).wait(600).job('1', 'started'))).toEqual([]);
  });

  it('is reported when a job starts before its semaphore has said yes', () => {
    const url = 'http://semaphore/';
    const maker = new HistoryMaker().job('1', { semaphore_url: url }, 'started');
    const { semaphores } = maker.history;
    semaphores.push({ at: 1_000, url, open: false }, { at: maker.now + 1, url, open: true });
    expect(check(maker)).toEqual([`job 1 started before ${url} had said yes`]);
    semaphores.push({ at: maker.now - 1, url, open: true });
    expect(check(maker)).toEqual([]);
  });

  it('is reported when a job starts in a paused lane, or a task while its job is not started', () => {
    const maker = new HistoryMaker({ paused: true }).job('1', 'queued', 'started', 'paused');
    maker.change('execution', '1', {}).change('execution', '1', { state: 'running', token: '1' });
    expect(check(maker)).toEqual(['job 1 started in a paused lane', 'execution 1 began while its job 1 was paused']);
  });
});

describe('order', () => {
  const check = (maker: HistoryMaker) => checkOrder(maker.history).map(({ message }) => message);
  const waiting = (maker: HistoryMaker, ...ids: string[]) => {
    for (const id of ids) maker.job(id, 'queued');
    return maker;
  };

  it('is good when jobs start by top of queue, priority, position and age', () => {
    const maker = waiting(new HistoryMaker(), '1', '2').job('3', { priority: 1 }).job('4', { position: 0 });
    maker.job('5', { top_of_queue: true, priority: 9 });
    for (const id of ['5', '3', '4', '1', '2']) maker.job(id, 'started', 'completed');
    expect(check(maker)).toEqual([]);
  });

  it('is reported when a job of lower rank starts first', () => {
    const maker = waiting(new HistoryMaker(), '1').job('2', { priority: 6 }).job('2', 'started');
    expect(check(maker)).toEqual([
      'job 2 (priority 6, position 1) started although job 1 (priority 5, position 1) had waited for 20 ms',
    ]);
    expect(check(waiting(new HistoryMaker(), '1', '2').job('2', 'started'))).toHaveLength(1);
  });

  it('says nothing of jobs that start in the same admission', () => {
    const maker = waiting(new HistoryMaker(), '1', '2');
    maker.together(() => maker.job('2', 'started').job('1', 'started'));
    expect(check(maker)).toEqual([]);
  });

  it('says nothing of a job that the admission may not have seen waiting, nor of one that was being changed', () => {
    const unseen = new HistoryMaker().job('2', { priority: 6 });
    unseen.unseen(() => unseen.job('1', 'queued')).job('2', 'started');
    expect(check(unseen)).toEqual([]);
    const changing = waiting(new HistoryMaker(), '1', '2').request({ kind: 'pause', jobId: '1' }, { status: 0 });
    expect(check(changing.job('2', 'started'))).toEqual([]);
  });

  it('says nothing of a job that a limit holds back while it lets the other pass', () => {
    const capped = new HistoryMaker().change('client', '2', { max_running: 1 }).job('1', { client_id: 2 });
    expect(check(waiting(capped, '2').job('2', 'started'))).toEqual([]);
    const reserved = new HistoryMaker().job('1', { priority: 6, top_of_queue: true }).job('2', { priority: 5 });
    expect(check(reserved.job('2', 'started'))).toEqual([]);
  });

  it('is reported of jobs of one client with a cap, and of normal jobs among themselves', () => {
    const capped = new HistoryMaker().change('client', '2', { max_running: 1 });
    for (const id of ['1', '2']) capped.job(id, { client_id: 2 });
    expect(check(capped.job('2', 'started'))).toHaveLength(1);
    const normal = new HistoryMaker({ reserved_slots: 1 }).job('1', { priority: 6 }).job('2', { priority: 7 });
    expect(check(normal.job('2', 'started'))).toHaveLength(1);
  });
});
