import { admit, decideAdmission, type Candidate, type LaneLimits, type Occupancy } from './admission';

const lane = (limits: Partial<LaneLimits> = {}): LaneLimits => ({
  maxRunning: 5,
  reservedSlots: 2,
  reservedThreshold: 5,
  paused: false,
  ...limits,
});
const idle = (): Occupancy => ({
  running: 0,
  runningUnreserved: 0,
  clients: new Map(),
});
const jobs = (...priorities: number[]): Candidate[] =>
  priorities.map((priority, index) => ({
    id: String(index + 1),
    priority,
    clientId: 1,
  }));
const started = (answers: Map<string, string>) => [...answers.values()].filter((answer) => answer === 'start').length;

describe('admission', () => {
  it('lets any job use 3 of 5 slots and only priority jobs the 2 reserved ones, as the document says', () => {
    expect(started(admit(jobs(6, 6, 6, 6, 6), lane(), idle()))).toBe(3);
    expect(started(admit(jobs(5, 5, 5, 5, 5, 5), lane(), idle()))).toBe(5);
    expect(started(admit(jobs(5, 5, 6, 6, 6, 6), lane(), idle()))).toBe(5);
  });

  it('lets a normal job start beside three priority jobs (reading R1)', () => {
    expect(decideAdmission(jobs(6)[0]!, lane(), { ...idle(), running: 3 })).toBe('start');
  });

  it('never passes max_jobs, even when more run than the limit now allows', () => {
    expect(
      decideAdmission(jobs(1)[0]!, lane({ maxRunning: 2 }), {
        ...idle(),
        running: 4,
      }),
    ).toBe('LaneFull');
  });

  it('counts more reserved slots than there are slots as all of them', () => {
    expect(decideAdmission(jobs(6)[0]!, lane({ maxRunning: 2, reservedSlots: 9 }), idle())).toBe('SlotsReserved');
    expect(decideAdmission(jobs(5)[0]!, lane({ maxRunning: 2, reservedSlots: 9 }), idle())).toBe('start');
  });

  it('holds a client at its cap and lets the next client pass', () => {
    const occupancy = {
      ...idle(),
      clients: new Map([[1, { running: 1, cap: 2 }]]),
    };
    const candidates = [...jobs(1, 1), { id: '3', priority: 9, clientId: 2 }];
    expect([...admit(candidates, lane(), occupancy).values()]).toEqual(['start', 'ClientCap', 'start']);
  });

  it('starts nothing in a paused lane', () => {
    expect(decideAdmission(jobs(1)[0]!, lane({ paused: true }), idle())).toBe('LanePaused');
  });
});
