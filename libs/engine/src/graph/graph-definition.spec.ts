import { graphBackoffSeconds, graphDefinition, isGraphQueue, isGraphTask } from './graph-definition';

describe('a graph task to the engine', () => {
  it('is told by its whole definition, whatever a workflow is called', () => {
    const definition = graphDefinition('shell/gpu');
    expect(isGraphTask(definition)).toBe(true);
    expect(isGraphTask({ ...definition, digest: 'another' })).toBe(false);
  });

  it('waits in queues of its own', () => {
    expect(['shell', 'shell/gpu', 'shellfish', 'work'].map(isGraphQueue)).toEqual([true, true, false, false]);
  });

  it('waits twice as long after each failed try, a tenth more or less, and 5 minutes at most', () => {
    expect([0, 1, 2, 3].map((tries) => graphBackoffSeconds(tries, 0.5))).toEqual([1, 2, 4, 8]);
    expect(graphBackoffSeconds(3, 0)).toBeCloseTo(7.2);
    expect(graphBackoffSeconds(3, 0.999_999)).toBeCloseTo(8.8);
    expect(graphBackoffSeconds(8, 0)).toBeCloseTo(230.4);
    expect([9, 50, 2_000].map((tries) => graphBackoffSeconds(tries, 0.9))).toEqual([300, 300, 300]);
  });
});
