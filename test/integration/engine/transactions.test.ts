import { Database, type Stores } from '@task-engine/database';
import { TestEngine } from '../../support/start-engine';

describe('a transaction', () => {
  let engine: TestEngine;
  beforeAll(async () => (engine = await TestEngine.start()));
  afterAll(() => engine.stop());

  const setting = async (name: string) =>
    (await engine.query<{ value: string }>('SELECT value FROM setting WHERE name = $1', [name]))[0]?.value;

  /** A statement that PostgreSQL refuses. */
  const fail = (stores: Stores) => stores.jobs.find('no number');

  it('runs statements that did not wait for each other in the order they were made', async () => {
    await engine
      .get(Database)
      .transaction((stores) =>
        Promise.all(Array.from({ length: 50 }, (_, n) => stores.settings.put('order', String(n)))),
      );
    expect(await setting('order')).toBe('49');
  });

  it('is undone by one of them that fails, which is the error its caller gets', async () => {
    const work = engine
      .get(Database)
      .transaction((stores) =>
        Promise.all([stores.settings.put('a', '1'), fail(stores), stores.settings.put('b', '1')]),
      );
    await expect(work).rejects.toMatchObject({ code: '22P02' });
    expect([await setting('a'), await setting('b')]).toEqual([undefined, undefined]);
  });

  it('is not taken for committed when nobody looked at the error', async () => {
    const work = engine.get(Database).transaction(async (stores) => {
      void fail(stores).catch(() => undefined);
      await stores.settings.put('unseen', '1').catch(() => undefined);
    });
    await expect(work).rejects.toMatchObject({ code: '22P02' });
    expect(await setting('unseen')).toBeUndefined();
  });

  it('ends with its last statements and takes none after them', async () => {
    let after: Promise<void> | undefined;
    const answer = await engine.get(Database).transaction(async (stores, commit) => {
      const answer = await commit(stores.settings.put('last', '1').then(() => 'put'));
      after = stores.settings.put('late', '1');
      await after.catch(() => undefined);
      return answer;
    });
    expect(answer).toBe('put');
    await expect(after).rejects.toThrow('the transaction is over');
    expect([await setting('last'), await setting('late')]).toEqual(['1', undefined]);
  });

  it('is undone when the last statement fails', async () => {
    const work = engine.get(Database).transaction(async (stores, commit) => {
      await stores.settings.put('before the last', '1');
      await commit(fail(stores));
    });
    await expect(work).rejects.toMatchObject({ code: '22P02' });
    expect(await setting('before the last')).toBeUndefined();
  });

  it('runs nothing on a connection that another has by then', async () => {
    let tooLate: (() => Promise<void>) | undefined;
    const work = engine.get(Database).transaction(async (stores) => {
      tooLate = () => stores.settings.put('too late', '1');
      await fail(stores);
    });
    await expect(work).rejects.toMatchObject({ code: '22P02' });
    await expect(tooLate!()).rejects.toThrow('the transaction is over');
  });

  it('leaves its connection fit for the next after a prepared statement that failed', async () => {
    for (let round = 0; round < 30; round += 1) {
      const work = engine
        .get(Database)
        .transaction((stores) => Promise.all([fail(stores), stores.lanes.lock(1), stores.jobs.lockStates(['1'])]));
      await expect(work).rejects.toMatchObject({ code: '22P02' });
    }
    await engine
      .get(Database)
      .transaction((stores) => Promise.all([stores.lanes.lock(1), stores.jobs.lockStates(['1'])]));
  });

  it.each([
    ['', (locks: Promise<unknown>) => locks],
    [
      ', also when a statement behind the one that failed is heard first',
      (locks: Promise<unknown>) => locks.then(() => undefined).finally(() => undefined),
    ],
  ])('is tried again after a deadlock%s', async (_name, heard) => {
    const ids = [await engine.submit('noop'), await engine.submit('noop')];
    let [tries, holders] = [0, 0];
    let together: (() => void) | undefined;
    const bothHoldOne = new Promise<void>((resolve) => (together = resolve));
    const cross = (first: string, second: string) =>
      engine.get(Database).transaction(async (stores) => {
        tries += 1;
        await stores.jobs.lockStates([first]);
        holders += 1;
        if (holders === 2) together!();
        await bothHoldOne;
        await Promise.all([heard(stores.jobs.lockStates([second])), stores.settings.put(`cross ${first}`, '1')]);
      });
    await Promise.all([cross(ids[0]!, ids[1]!), cross(ids[1]!, ids[0]!)]);
    // The two may meet again: a row goes to whom the processor lets run first.
    expect(tries).toBeGreaterThanOrEqual(3);
    expect([await setting(`cross ${ids[0]}`), await setting(`cross ${ids[1]}`)]).toEqual(['1', '1']);
  });
});
