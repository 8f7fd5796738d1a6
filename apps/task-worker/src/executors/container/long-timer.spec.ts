import { longTimer } from './long-timer';

const DAY_MS = 86_400_000;

describe('a long timer', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('waits for more than the 24.8 days that setTimeout can', () => {
    const work = jest.fn();
    longTimer(work, 365 * DAY_MS);
    jest.advanceTimersByTime(365 * DAY_MS - 1);
    expect(work).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(work).toHaveBeenCalledTimes(1);
  });

  it('that was ended does nothing, however often it has been set again', () => {
    const work = jest.fn();
    const end = longTimer(work, 365 * DAY_MS);
    jest.advanceTimersByTime(60 * DAY_MS);
    end();
    jest.advanceTimersByTime(365 * DAY_MS);
    expect(work).not.toHaveBeenCalled();
  });
});
