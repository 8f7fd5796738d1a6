import { ProgressLog } from './progress-log';

describe('progress of ffmpeg', () => {
  const lines: string[] = [];
  const read = (progress: ProgressLog, ...output: string[]) => output.forEach((line) => progress.read(line));
  const start = () => new ProgressLog({ taskName: 'cut_clips', log: (_, message) => void lines.push(message) }, 20);
  beforeEach(() => lines.splice(0));

  it('an encode that was stopped is never shown as done, though ffmpeg says end', () => {
    read(start(), 'out_time_us=6000000', 'progress=continue', 'progress=end');
    expect(lines).toEqual(['cut_clips: 30 % (00:00:06.0 of 00:00:20.0)']);
  });

  it('one that ended well is', () => {
    const progress = start();
    read(progress, 'out_time_us=20000000', 'progress=continue', 'progress=end');
    progress.done();
    expect(lines.at(-1)).toBe('cut_clips: 100 % (00:00:20.0 of 00:00:20.0)');
  });
});
