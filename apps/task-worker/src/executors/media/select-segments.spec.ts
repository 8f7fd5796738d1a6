import { parsePlaylist, type MediaPlaylist, type MediaSegment } from './hls-playlist';
import { position } from './media-time';
import { selectSegments } from './select-segments';

const URI = 'http://origin.example/a/live.m3u8';

function playlist(...lines: string[]): MediaSegment[] {
  return (parsePlaylist(['#EXTM3U', '#EXT-X-TARGETDURATION:2', ...lines, ''].join('\n'), URI) as MediaPlaylist)
    .segments;
}

/** Segments of 2 s from 10:00:00 on; `lines` may put tags before a segment. */
function archive(count: number, tags: Record<number, string[]> = {}): MediaSegment[] {
  const lines = Array.from({ length: count }, (_, index) => [
    ...(tags[index] ?? []),
    ...(index === 0 ? ['#EXT-X-PROGRAM-DATE-TIME:2024-01-01T10:00:00.000Z'] : []),
    '#EXTINF:2.0,',
    `s${index}.ts`,
  ]);
  return playlist(...lines.flat());
}

const wanted = (start: string | number | null, end: string | number | null) => ({
  start: position(start),
  end: position(end),
});
const names = (segments: { uri: string }[] = []) => segments.map((segment) => segment.uri.split('/').at(-1));

describe('select segments', () => {
  it('takes the segments whose [t0, t1) meets [start, end)', () => {
    const { runs } = selectSegments([archive(6)], wanted(2, 6));
    expect(names(runs[0]?.streams[0]?.segments)).toEqual(['s1.ts', 's2.ts']);
    expect(runs[0]).toMatchObject({ startUs: 0, endUs: null });
    const inner = selectSegments([archive(6)], wanted('2024-01-01T10:00:03.2Z', '2024-01-01T10:00:04.000001Z'));
    expect(names(inner.runs[0]?.streams[0]?.segments)).toEqual(['s1.ts', 's2.ts']);
    expect(inner.runs[0]).toMatchObject({
      startUs: 1_200_000,
      endUs: 2_000_001,
      wallUs: Date.UTC(2024, 0, 1, 10, 0, 2) * 1000,
    });
  });

  it('adds the next segment as a tail for the sound when the cut is near its border', () => {
    expect(names([selectSegments([archive(6)], wanted(0, 3.5)).runs[0]?.streams[0]?.tail ?? { uri: '' }])).toEqual([
      's2.ts',
    ]);
    expect(selectSegments([archive(6)], wanted(0, 2.5)).runs[0]?.streams[0]?.tail).toBeNull();
    expect(
      selectSegments([archive(6, { 2: ['#EXT-X-DISCONTINUITY'] })], wanted(0, 4)).runs[0]?.streams[0]?.tail,
    ).toBeNull();
  });

  it('breaks at a discontinuity, at a jump of the clock and at marked gaps, and measures the holes', () => {
    const jump = archive(6, {
      2: ['#EXT-X-DISCONTINUITY'],
      4: ['#EXT-X-PROGRAM-DATE-TIME:2024-01-01T10:00:11.500Z'],
    });
    const { runs, gaps } = selectSegments([jump], wanted('2024-01-01T10:00:01Z', '2024-01-01T10:00:12Z'));
    expect(runs.map((run) => names(run.streams[0]?.segments))).toEqual([
      ['s0.ts', 's1.ts'],
      ['s2.ts', 's3.ts'],
      ['s4.ts'],
    ]);
    expect(runs.map((run) => [run.startUs, run.endUs])).toEqual([
      [1_000_000, null],
      [0, null],
      [0, 500_000],
    ]);
    expect(gaps).toEqual([{ us: 3_500_000, at: '2024-01-01T10:00:08.000Z' }]);
    const marked = selectSegments([archive(4, { 1: ['#EXT-X-GAP'] })], wanted(null, null));
    expect(marked.runs.map((run) => names(run.streams[0]?.segments))).toEqual([['s0.ts'], ['s2.ts', 's3.ts']]);
    expect(marked.gaps).toEqual([{ us: 2_000_000, at: '2024-01-01T10:00:02.000Z' }]);
  });

  it('says what lies outside the playlist, and gives no run when nothing is met', () => {
    expect(selectSegments([archive(3)], wanted('2024-01-01T09:59:50Z', '2024-01-01T10:00:07Z'))).toMatchObject({
      missingStartUs: 10_000_000,
      missingEndUs: 1_000_000,
    });
    expect(selectSegments([archive(3)], wanted(6, 8)).runs).toEqual([]);
  });

  it('counts a hole at the very begin and end of the wanted part', () => {
    const holed = archive(6, { 2: ['#EXT-X-PROGRAM-DATE-TIME:2024-01-01T10:00:10Z'] });
    expect(selectSegments([holed], wanted('2024-01-01T10:00:07Z', '2024-01-01T10:00:12Z')).gaps).toEqual([
      { us: 3_000_000, at: '2024-01-01T10:00:07.000Z' },
    ]);
    expect(selectSegments([holed], wanted('2024-01-01T10:00:01Z', '2024-01-01T10:00:09Z')).gaps).toEqual([
      { us: 5_000_000, at: '2024-01-01T10:00:04.000Z' },
    ]);
  });

  it('takes an interval once when the clock goes back', () => {
    const repeated = archive(4, { 2: ['#EXT-X-DISCONTINUITY', '#EXT-X-PROGRAM-DATE-TIME:2024-01-01T10:00:03Z'] });
    const { runs } = selectSegments([repeated], wanted('2024-01-01T10:00:00Z', '2024-01-01T10:00:07Z'));
    expect(runs.map((run) => run.startUs)).toEqual([0, 1_000_000]);
  });

  it('takes the sound at the same time, whatever its segment lengths', () => {
    const sound = playlist(
      '#EXT-X-PROGRAM-DATE-TIME:2024-01-01T10:00:00Z',
      ...['a', 'b', 'c', 'd'].flatMap((name) => ['#EXTINF:3.0,', `${name}.aac`]),
    );
    const { runs } = selectSegments([archive(6), sound], wanted(4.5, 5.5));
    expect(names(runs[0]?.streams[1]?.segments)).toEqual(['b.aac']);
    expect(names([runs[0]?.streams[1]?.tail ?? { uri: '' }])).toEqual(['c.aac']);
  });
});

describe('HLS playlist', () => {
  it('resolves references, ranges and initialisation sections', () => {
    const [first, second] = playlist(
      '#EXT-X-MAP:URI="../init.mp4",BYTERANGE="10@5"',
      ...['#EXTINF:2,', '#EXT-X-BYTERANGE:100@50', 'x.m4s', '#EXTINF:2,', '#EXT-X-BYTERANGE:20', 'x.m4s'],
    );
    expect(first).toMatchObject({
      uri: 'http://origin.example/a/x.m4s',
      range: { offset: 50, length: 100 },
      map: { uri: 'http://origin.example/init.mp4', range: { offset: 5, length: 10 } },
    });
    expect(second?.range).toEqual({ offset: 150, length: 20 });
  });

  it.each(['file:///etc/passwd', 'storage:///secret.ts', 'data:text/plain,x'])(
    'refuses the reference %s',
    (reference) => {
      expect(() => playlist('#EXTINF:2,', reference)).toThrow('Unreadable playlist: http://origin.example/a/live.m3u8');
    },
  );

  it('refuses what is no playlist, and one without media', () => {
    expect(() => parsePlaylist('hello', URI)).toThrow(/Unreadable playlist|No media in playlist/);
    expect(() => parsePlaylist('#EXTM3U\n', URI)).toThrow('No media in playlist');
  });

  it('fills in a clock that is stated first in the middle', () => {
    const segments = playlist(
      '#EXTINF:2,',
      'a.ts',
      '#EXT-X-PROGRAM-DATE-TIME:2024-01-01T10:00:02Z',
      '#EXTINF:2,',
      'b.ts',
      '#EXTINF:2,',
      'c.ts',
    );
    expect(segments.map((segment) => new Date((segment.wallUs ?? 0) / 1000).getUTCSeconds())).toEqual([0, 2, 4]);
    expect(segments.map((segment) => segment.breaks)).toEqual([false, false, false]);
  });
});
