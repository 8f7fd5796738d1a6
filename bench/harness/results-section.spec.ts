import type { Bar } from './benchmark';
import type { StoredResult } from './results';
import { resultsSection } from './results-section';
import { judge } from './verdict';

const bar: Bar = { name: 'rate', figure: 'jobs/s', of: 'ours', against: 'theirs', better: 'higher', must: 0.5, aim: 1 };
const turn = (side: string, rate: number) => ({
  side,
  figures: { 'jobs/s': rate },
  checked: 'checked: 10 jobs',
  stored: { database: rate * 2, redis: 3, tables: {} },
  use: { seconds: 1, processes: [{ name: 'postgres', cpuSeconds: rate / 1000, rssMb: 100 }] },
});
const rounds = [
  [turn('ours', 600), turn('theirs', 1000)],
  [turn('ours', 800), turn('theirs', 1000)],
  [turn('ours', 700), turn('theirs', 2000)],
];

const result: StoredResult = {
  id: 'P2',
  title: 'drain',
  notes: ['A note.'],
  sides: [
    { name: 'ours', setup: 'five apps' },
    { name: 'theirs', setup: 'one process' },
  ],
  rounds,
  verdicts: [
    judge(
      bar,
      rounds.map((turns) => Object.fromEntries(turns.map(({ side, figures }) => [side, figures]))),
    ),
  ],
  date: '2026-11-22T07:00:00.000Z',
  commit: 'abc1234',
  machine: { cpu: 'CPU', cores: 2, memoryGb: 8, system: 'linux', node: 'v20', fileSystem: 'ext4', loadBefore: 0.1 },
  settings: {
    postgres: { server_version: '15.1', fsync: 'on', synchronous_commit: 'on', shared_buffers: '512MB' },
    redis: { version: '7.0', appendonly: 'yes', appendfsync: 'everysec' },
  },
};

describe('resultsSection', () => {
  const text = resultsSection([result]);

  it('shows the median of the ratios with their range, the bar, and whether it was reached', () => {
    expect(text).toContain(
      '| P2 | rate | ours / theirs | **0.6 x** | 0.35 to 0.8 | must >= 0.5, aim >= 1 | must reached, aim missed |',
    );
  });

  it('shows of each side the medians of what it measured, used and stored', () => {
    expect(text).toContain('| ours | 700 jobs/s | postgres 0.7 s, 100 MB | database 1400, Redis 3 |');
    expect(text).toContain('- ours: five apps');
    expect(text).toContain('A note.');
  });

  it('names the durability of the servers', () => {
    expect(text).toContain('PostgreSQL 15.1 (fsync on, synchronous_commit on');
    expect(text).toContain('appendonly yes, appendfsync everysec');
  });

  it('says so while there is nothing', () => {
    expect(resultsSection([])).toBe('No run is stored yet.');
  });
});
