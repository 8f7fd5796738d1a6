import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createExecutors } from '../index';
import { facts, ffmpegInstalled, frameNumbers, range } from './test-media.fixture';
import { startBench, warnings, WorkflowRun, type MediaBench } from './workflow-run.fixture';

if (!ffmpegInstalled) console.warn('SKIPPED: ffmpeg or ffprobe is not installed, asset workflows are not tested');

jest.setTimeout(60_000);

/** Numbers in names are those of the acceptance examples in reference 4.2; times are for a source of 12 s. */
(ffmpegInstalled ? describe : describe.skip)('workflows on finished assets and single frames', () => {
  let bench: MediaBench;
  const F3 = () => `${bench.url}/f3/live.m3u8`;
  const F7 = () => `${bench.url}/f7/master.m3u8`;
  const target = (...names: string[]) => bench.workflows.stored('output_root', ...names);

  beforeAll(async () => {
    bench = await startBench(12);
  }, 120_000);

  afterAll(() => bench?.close());

  it('35: createmp4 makes the download file from the combined file, or from the segments with their languages', async () => {
    const asset = await bench.workflows.run('vodcapture', {
      content_id: 'demo_26',
      output_folder: 'demo_26',
      clips: [{ source: `${bench.url}/multi/master.m3u8`, start: 1, end: 5 }],
    });
    expect(asset.error).toBeNull();
    const parameters = { content_id: 'demo_26', source_folder: 'demo_26', output_folder: 'demo_35' };
    const best = await bench.workflows.run('createmp4', parameters);
    expect(best).toMatchObject({ error: null, callback: { message: 'demo_26.mp4' } });
    const path = target('demo_35', 'demo_26.mp4');
    expect(facts(path).streams.map((stream) => stream.width ?? stream.tags?.language)).toEqual([320, 'eng']);
    const bytes = readFileSync(path);
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
    const combined = readdirSync(target('demo_26')).find((each) => /^demo_26_[0-9a-f-]{36}\.mp4$/.test(each)) ?? '';
    rmSync(target('demo_26', combined));
    const all = await bench.workflows.run('createmp4', { ...parameters, mezzanine: true, mp4_filename: 'x.mp4' });
    expect(all.error).toBeNull();
    expect(facts(target('demo_35', 'x.mp4')).streams.map((stream) => stream.width ?? stream.tags?.language)).toEqual([
      320,
      160,
      'eng',
      'fra',
    ]);
    expect(frameNumbers(target('demo_35', 'x.mp4'))).toEqual(range(25, 124));
    const none = await bench.workflows.run('createmp4', { ...parameters, source_folder: 'demo_empty' });
    expect(none.error).toBe('No sources found in content/vod/demo_empty');
  });

  it.each([
    ['fMP4', () => F7(), '00:00:07.0400000', 'frame.jpg'],
    ['an instant of an archive', () => F3(), '2024-01-01T10:00:07.04Z', 'frame.png'],
    ['an MP4', () => `${bench.url}/wm.mp4`, 7.04, 'frame.webp'],
    ['an MP4, long after its begin', () => `${bench.url}/wm.mp4`, '11.96', 'last.png'],
    ['the first frame of the next segment', () => F7(), 7.99, 'late.png'],
  ])('37: captures the frame at a time of %s', async (_, source, time, filename) => {
    const job = await bench.workflows.run('capture_frame', {
      content_id: 'demo_37',
      source: source(),
      frame_time: time,
      output_folder: 'demo_37',
      image_filename: filename,
    });
    expect(job).toMatchObject({
      error: null,
      callback: { message: filename, files: [`content/vod/demo_37/${filename}`] },
    });
    const wanted = { 'late.png': 200, 'last.png': 299 }[filename] ?? 176;
    expect(frameNumbers(target('demo_37', filename), { fullRange: filename.endsWith('.jpg') })).toEqual([wanted]);
  });

  it.each([
    ['fMP4', () => F7()],
    ['an MP4', () => `${bench.url}/wm.mp4`],
  ])('37: a time beyond the end of %s fails and uploads nothing', async (_, source) => {
    const parameters = {
      content_id: 'x',
      source: source(),
      frame_time: '00:01:10',
      output_folder: 'demo_37x',
      image_filename: 'f.jpg',
    };
    const job = await bench.workflows.run('capture_frame', parameters);
    expect(job.error).toBe('frame_time 00:01:10 is beyond the end of the source (00:00:12.000)');
    const late = await bench.workflows.run('capture_frame', { ...parameters, frame_time: 11.99 });
    expect(late.error).toBe('frame_time 11.99 is beyond the end of the source (00:00:12.000)');
    expect(existsSync(target('demo_37x'))).toBe(false);
  });

  it('40: asset_delete deletes what is there and names it; voddelete twice completes twice', async () => {
    const files = ['demo_37/frame.jpg', 'demo_37/absent.jpg', '/demo_37/frame.png'];
    const some = await bench.workflows.run('asset_delete', { content_id: 'x', files });
    expect(some).toMatchObject({ error: null, callback: { message: files } });
    expect(bench.workflows.taskCallback(some, 'delete_files')).toMatchObject({
      files: ['demo_37/frame.jpg', '/demo_37/frame.png'],
    });
    expect(warnings(some)).toEqual(['File not found: content/vod/demo_37/absent.jpg']);
    const whole = await bench.workflows.run('asset_delete', {
      content_id: 'x',
      files: ['demo_37/late.png', 'demo_37'],
    });
    expect(whole.error).toBe('Not a file: content/vod/demo_37');
    expect(existsSync(target('demo_37', 'late.png'))).toBe(true);
    for (const warned of [[], ['Nothing to delete in content/vod/demo_37']]) {
      const job = await bench.workflows.run('voddelete', { content_id: 'x', folder: 'demo_37' });
      expect(job).toMatchObject({ error: null, callback: { message: 'demo_37' } });
      expect(warnings(job)).toEqual(warned);
      expect(existsSync(target('demo_37'))).toBe(false);
    }
  });

  it('names a missing ffmpeg', async () => {
    const lacking = new WorkflowRun(
      createExecutors({ outbound: bench.outbound, allowedCommands: [], ffmpegPath: '/nowhere/ffmpeg' }),
      bench.folder,
    );
    const job = await lacking.run('capture_frame', {
      content_id: 'x',
      source: F7(),
      frame_time: 0,
      output_folder: 'y',
      image_filename: 'f.jpg',
    });
    expect(job.error).toBe('ffmpeg is not installed on this worker');
  });

  it('opens nothing but media: a segment that is a script for ffmpeg is refused', async () => {
    mkdirSync(join(bench.sources, 'evil'));
    writeFileSync(
      join(bench.sources, 'evil', 'a.ts'),
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n',
    );
    writeFileSync(join(bench.sources, 'evil', 'concat.mp4'), 'ffconcat version 1.0\nfile /etc/passwd\n');
    writeFileSync(
      join(bench.sources, 'evil', 'i.m3u8'),
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST\n',
    );
    writeFileSync(
      join(bench.sources, 'evil', 'f.m3u8'),
      '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n',
    );
    for (const name of ['i.m3u8', 'f.m3u8', 'concat.mp4']) {
      const job = await bench.workflows.run('vodcapture', {
        content_id: 'demo_evil',
        output_folder: 'demo_evil',
        clips: [{ source: `${bench.url}/evil/${name}` }],
      });
      expect(job.error).toMatch(/^Unreadable (source|playlist): http/);
    }
  });
});
