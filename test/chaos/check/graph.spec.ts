import { checkGraph } from './graph';
import { HistoryMaker } from './history.fixture';

const messages = (maker: HistoryMaker) => checkGraph(maker.history).map(({ message }) => message);

/** Job 2 depends on job 1. */
function chain(): HistoryMaker {
  return new HistoryMaker()
    .job('1', 'started')
    .job('2', 'pending')
    .change('graph_task', '2', { dependencies: ['1'] });
}

const begin = (maker: HistoryMaker) => maker.change('execution', '7', { job_id: '2', task_id: '2', state: 'running' });

describe('graph tasks', () => {
  it('are good when each began after all that it depends on had completed', () => {
    expect(messages(begin(chain().job('1', 'completed').job('2', 'started')))).toEqual([]);
  });

  it('are good when a dependency that has not completed was taken away, perhaps in a change that was not seen yet', () => {
    expect(messages(begin(chain().change('graph_task', '2', { dependencies: [] })))).toEqual([]);
    expect(messages(begin(chain().unseen((maker) => maker.change('graph_task', '2', { dependencies: [] }))))).toEqual(
      [],
    );
  });

  it('are reported when one began before, or after what it depends on had failed', () => {
    const early = 'execution 7 of job 2 began before 1 had completed';
    expect(messages(begin(chain()))).toEqual([early]);
    expect(messages(begin(chain().job('1', 'failed')))).toEqual([early]);
  });

  it('are reported when one is completed whose command was not done', () => {
    const maker = new HistoryMaker()
      .final({ id: '1', mark: 'done', state: 'completed' })
      .final({ id: '2', mark: 'cut', state: 'completed' })
      .final({ id: '3', mark: 'silent', state: 'completed' })
      .final({ id: '4', mark: 'failed', state: 'failed' });
    maker.history.graphJobs = new Set(['1', '2', '3', '4']);
    maker.history.commands = { done: ['begun', 'begun', 'done'], cut: ['begun'] };
    expect(messages(maker)).toEqual([
      'job 2 is completed, but its command has written: begun',
      'job 3 is completed, but its command has written: nothing',
    ]);
  });

  it('are reported when what is counted, written down and true of what they wait for differs', () => {
    const maker = new HistoryMaker();
    maker.history.waits = [
      { jobId: '1', unmet: 2, edges: 2, met: 0 },
      { jobId: '2', unmet: 1, edges: 2, met: 0 },
      { jobId: '3', unmet: 1, edges: 1, met: 1 },
    ];
    expect(messages(maker)).toEqual([
      'job 2 waits for 1 by its count, for 2 by its edges, 0 of which have completed',
      'job 3 waits for 1 by its count, for 1 by its edges, 1 of which have completed',
    ]);
  });
});
