import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createExecutors } from '../index';
import { beeps, facts, ffmpegInstalled, frameNumbers, pictureHashes, range } from './test-media.fixture';
import { startBench, warnings, type MediaBench } from './workflow-run.fixture';

if (!ffmpegInstalled) console.warn('SKIPPED: ffmpeg or ffprobe is not installed, vodcapture is not tested');

jest.setTimeout(60_000);

/** Numbers in names are those of the acceptance examples in reference 4.2; times are for a source of 30 s. */
(ffmpegInstalled ? describe : describe.skip)('vodcapture, measured frame by frame', () => {
  let bench: MediaBench;
  const F3 = () => `${bench.url}/f3/live.m3u8`;
  const F7 = () => `${bench.url}/f7/master.m3u8`;
  const target = (...names: string[]) => bench.workflows.stored('output_root', ...names);
  const capture = (name: string, clips: object[], more: object = {}) =>
    bench.workflows.run('vodcapture', {
      content_id: name,
      output_folder: name,
      clips: clips as never,
      generate_vod: false,
      generate_mp4: true,
      create_thumbnail: false,
      ...more,
    });

  beforeAll(async () => {
    bench = await startBench(30);
  }, 120_000);

  afterAll(() => bench?.close());

  const clip18 = () => ({ source: F3(), start: '2024-01-01T10:00:10.200Z', end: '2024-01-01T10:00:20.600Z' });

  it('18: cuts frames 255..514 out of an archive without ENDLIST, sound in place, as asset and MP4', async () => {
    const job = await capture('demo_18', [clip18()], {
      generate_vod: true,
      create_thumbnail: true,
      thumbnail_time: 1.04,
    });
    expect(job.error).toBeNull();
    expect(frameNumbers(target('demo_18', 'demo_18.mp4'))).toEqual(range(255, 514));
    const file = facts(target('demo_18', 'demo_18.mp4'));
    expect(Number(file.format.duration)).toBeCloseTo(10.4, 1);
    const heard = beeps(target('demo_18', 'demo_18.mp4'));
    expect(heard).toHaveLength(10);
    heard.forEach((time, index) => expect(Math.abs(time - 0.8 - index)).toBeLessThan(0.025));
    expect(job.callback).toMatchObject({ status: 'completed', metadata: { duration: 10.4 } });
    expect(String(job.callback.message)).toMatch(/^content\/vod\/demo_18\/demo_18_nodrm_[0-9a-f-]{36}\.m3u8$/);
    // thumbnail_time 1.04 = frame 26 of the capture, which is frame 281 of the source
    expect(frameNumbers(target('demo_18', 'thumbnail.jpg'), { fullRange: true })).toEqual([281]);
  });

  it('18: the asset plays the same pictures by HLS and DASH, and every name is the published one', async () => {
    const names = readdirSync(target('demo_18')).sort();
    const find = (pattern: RegExp) => names.find((name) => pattern.test(name)) ?? '';
    const combined = find(/^demo_18_[0-9a-f-]{36}\.mp4$/);
    const master = find(/^demo_18_nodrm_[0-9a-f-]{36}\.m3u8$/);
    const mpd = find(/^demo_18_nodrm_[0-9a-f-]{36}\.mpd$/);
    const media = find(/^media_[0-9a-f-]{36}$/);
    const dref = find(/_dref\.mp4$/);
    expect(names).toEqual(
      [combined, master, mpd, media, dref, 'demo_18.mp4', 'demo_18_metadata.json', 'thumbnail.jpg'].sort(),
    );
    const wanted = pictureHashes(target('demo_18', combined));
    expect(wanted).toHaveLength(260);
    expect(pictureHashes(target('demo_18', master))).toEqual(wanted);
    expect(pictureHashes(target('demo_18', mpd))).toEqual(wanted);
    const text = readFileSync(target('demo_18', master), 'utf8');
    expect(text).toMatch(/CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=25\.000,AUDIO="audio"/);
    expect(text).toMatch(/TYPE=AUDIO.*LANGUAGE="und",DEFAULT=YES/);
    for (const name of readdirSync(target('demo_18', media, 'clear')).filter((each) => each.endsWith('.m3u8'))) {
      const playlist = readFileSync(target('demo_18', media, 'clear', name), 'utf8');
      expect(playlist).toContain('#EXT-X-ENDLIST');
      expect(playlist).not.toContain('PROGRAM-DATE-TIME');
    }
    // moov only, every data reference names the combined file
    const reference = readFileSync(target('demo_18', dref));
    expect(reference.includes('mdat')).toBe(false);
    expect(reference.toString('latin1').split(`url \0\0\0\0${combined}\0`)).toHaveLength(3);
    expect(JSON.parse(readFileSync(target('demo_18', 'demo_18_metadata.json'), 'utf8'))).toMatchObject({
      format: { filename: 'demo_18.mp4' },
    });
  });

  it('19: copies whole segments 5..10 when exactness is not asked for', async () => {
    const job = await capture('demo_19', [clip18()], { frame_accurate: false });
    expect(job.error).toBeNull();
    const path = target('demo_19', 'demo_19.mp4');
    expect(frameNumbers(path)).toEqual(range(250, 549));
    const picture = Number(facts(path).streams.find((stream) => stream.codec_type === 'video')?.start_time);
    const heard = beeps(path).filter((time) => time > 0.5);
    heard.forEach((time, index) => expect(Math.abs(time - picture - 1 - index)).toBeLessThan(0.025));
    expect(heard.length).toBeGreaterThanOrEqual(10);
  });

  it('19: copies whole GOPs of an MP4 without a hole', async () => {
    const job = await capture('demo_19f', [{ source: `${bench.url}/wm.mp4`, start: 10.2, end: 20.6 }], {
      frame_accurate: false,
    });
    expect(job.error).toBeNull();
    const path = target('demo_19f', 'demo_19f.mp4');
    expect(frameNumbers(path)).toEqual(range(250, 549));
    const picture = Number(facts(path).streams.find((stream) => stream.codec_type === 'video')?.start_time);
    for (const [index, time] of beeps(path)
      .filter((each) => each > 0.5)
      .entries()) {
      expect(Math.abs(time - picture - 1 - index)).toBeLessThan(0.025);
    }
  });

  it.each([
    ['fMP4 HLS with separate sound', () => F7()],
    ['MP4 by URL', () => `${bench.url}/wm.mp4`],
  ])('20: cuts the same frames by offset out of %s', async (_, source) => {
    const job = await capture('demo_20', [{ source: source(), start: '00:10.2', end: 20.6 }]);
    expect(job.error).toBeNull();
    expect(frameNumbers(target('demo_20', 'demo_20.mp4'))).toEqual(range(255, 514));
    const heard = beeps(target('demo_20', 'demo_20.mp4'));
    expect(heard).toHaveLength(10);
    heard.forEach((time, index) => expect(Math.abs(time - 0.8 - index)).toBeLessThan(0.025));
  });

  it('21: joins an archive and an MP4 of another size, rate and sound', async () => {
    const job = await capture('demo_21', [clip18(), { source: `${bench.url}/ad.mp4` }]);
    expect(job.error).toBeNull();
    const path = target('demo_21', 'demo_21.mp4');
    const numbers = frameNumbers(path);
    expect(numbers).toHaveLength(360);
    expect(numbers.slice(0, 260)).toEqual(range(255, 514));
    const file = facts(path);
    expect(Math.abs(Number(file.format.duration) - 14.4)).toBeLessThan(0.05);
    expect(file.streams.find((stream) => stream.codec_type === 'video')).toMatchObject({ width: 320, height: 180 });
    expect(
      Math.abs(Number(file.streams.find((stream) => stream.codec_type === 'audio')?.duration) - 14.4),
    ).toBeLessThan(0.05);
    // the last silence ends where the second clip's steady tone begins
    expect(Math.abs((beeps(path).at(-1) ?? 0) - 10.4)).toBeLessThan(0.025);
  });

  it('23: skips a hole without frozen pictures, keeps the sound in step and says so', async () => {
    const job = await capture('demo_23', [{ ...clip18(), source: `${bench.url}/f3/f4a.m3u8` }], {
      frame_accurate: false,
    });
    expect(job.error).toBeNull();
    expect(frameNumbers(target('demo_23', 'demo_23.mp4'))).toEqual([...range(255, 349), ...range(400, 514)]);
    const heard = beeps(target('demo_23', 'demo_23.mp4'));
    heard.forEach((time, index) => expect(Math.abs(time - 0.8 - index)).toBeLessThan(0.025));
    expect(heard).toHaveLength(8);
    expect(warnings(job)).toContain('gap 2 s at 2024-01-01T10:00:14.000Z');
  });

  it('25: takes what the archive has and says what is missing; fails when nothing is there', async () => {
    const early = await capture('demo_25a', [
      { source: F3(), start: '2024-01-01T09:59:50Z', end: '2024-01-01T10:00:03Z' },
    ]);
    expect(frameNumbers(target('demo_25a', 'demo_25a.mp4'))).toEqual(range(0, 74));
    expect(warnings(early)).toEqual([
      'clips[0]: 10 s missing at the start, the source begins at 2024-01-01T10:00:00.000Z',
    ]);
    const late = await capture('demo_25b', [
      { local_source: 'f3/live.m3u8', start: '2024-01-01T10:00:27Z', end: '2024-01-01T10:01:00Z' },
    ]);
    expect(late.error).toBeNull();
    expect(frameNumbers(target('demo_25b', 'demo_25b.mp4'))).toEqual(range(675, 749));
    expect(warnings(late)).toEqual(['clips[0]: 30 s missing at the end, the source ends at 2024-01-01T10:00:30.000Z']);
    const none = await capture('demo_25c', [
      { source: F3(), start: '2024-01-01T11:00:00Z', end: '2024-01-01T11:01:00Z' },
    ]);
    expect(none).toMatchObject({ state: 'failed', failedTask: 'resolve_clips' });
    expect(none.error).toBe(`No media between 2024-01-01T11:00:00Z and 2024-01-01T11:01:00Z in ${F3()}`);
    expect(none.callback).toMatchObject({ status: 'failed', files: [] });
    const clockless = await capture('demo_25d', [{ source: `${bench.url}/wm.mp4`, start: '2024-01-01T10:00:00Z' }]);
    expect(clockless.error).toBe(`Source has no wall clock: ${bench.url}/wm.mp4`);
    const missing = await capture('demo_25e', [{ source: `${bench.url}/nothing.m3u8?token=secret` }]);
    expect(missing.error).toBe(`Cannot read ${bench.url}/nothing.m3u8?...: 404`);
  });

  it('copies segments of several clips one after the other, and encodes when they do not fit', async () => {
    const pieces = [
      { source: F3(), start: 2.5, end: 3.5 },
      { source: F3(), start: 20, end: 22 },
    ];
    const copied = await capture('demo_joined', pieces, { frame_accurate: false });
    expect(copied.error).toBeNull();
    expect(frameNumbers(target('demo_joined', 'demo_joined.mp4'))).toEqual([...range(50, 99), ...range(500, 549)]);
    expect(warnings(copied)).toEqual([]);
    const unlike = await capture(
      'demo_joined',
      [
        { source: F3(), end: 1 },
        { source: `${bench.url}/ad.mp4`, end: 1 },
      ],
      { frame_accurate: false },
    );
    expect(unlike.error).toBeNull();
    expect(warnings(unlike)).toEqual([
      'codec parameters of clips[1] differ from those of clips[0]: re-encoding instead of copying',
    ]);
    expect(frameNumbers(target('demo_joined', 'demo_joined.mp4'))).toHaveLength(50);
  });

  it('enters a long file near the cut, to the same frame, and repeats every task without a trace', async () => {
    const parameters = { generate_vod: true, frame_accurate: true };
    const clips = [{ source: `${bench.url}/wm.mp4`, start: '00:25.04', end: '00:00:28' }];
    const job = await bench.workflows.run(
      'vodcapture',
      { content_id: 'demo_twice', output_folder: 'demo_twice', clips, generate_mp4: true, ...parameters },
      2,
    );
    expect(job.error).toBeNull();
    expect(frameNumbers(target('demo_twice', 'demo_twice.mp4'))).toEqual(range(626, 699));
    const names = readdirSync(target('demo_twice'));
    expect(names).toHaveLength(8);
    expect(names.filter((name) => name.startsWith('media_'))).toHaveLength(1);
    const published = readdirSync(target('demo_twice'), { recursive: true }).map(String);
    expect(published.filter((name) => name.includes('.part') || /(^|\/)\./.test(name))).toEqual([]);
    // two combined tracks, 1 s of each in segments: init + segment + playlist for picture and sound
    expect(published.filter((name) => name.startsWith('media_') && name.split('/').length === 3)).toHaveLength(6);
    expect(job.log.map((row) => row.message)).toContain('cut_clips: 100 % (00:00:03.0 of 00:00:03.0)');
  });

  it('copy_ts: the manifests carry the time of the source', async () => {
    const job = await capture('demo_clock', [{ ...clip18(), end: '2024-01-01T10:00:12Z' }], {
      generate_vod: true,
      generate_mp4: false,
      copy_ts: true,
    });
    expect(job.error).toBeNull();
    const files = readdirSync(target('demo_clock'), { recursive: true }).map(String);
    const playlists = files.filter((name) => /media_\d\.m3u8$/.test(name));
    expect(playlists).toHaveLength(2);
    for (const name of playlists) {
      expect(readFileSync(target('demo_clock', name), 'utf8').match(/PROGRAM-DATE-TIME:.*/g)).toEqual([
        'PROGRAM-DATE-TIME:2024-01-01T10:00:10.200Z',
      ]);
    }
    const mpd = files.find((name) => name.endsWith('.mpd')) ?? '';
    expect(readFileSync(target('demo_clock', mpd), 'utf8')).toContain('wallClockTime="2024-01-01T10:00:10.200Z"');
    expect(pictureHashes(target('demo_clock', mpd))).toHaveLength(45);
  });

  it('stops ffmpeg at once when the execution is stopped', async () => {
    const workDir = join(bench.folder, 'work', 'stopped');
    mkdirSync(join(workDir, 'segments'), { recursive: true });
    copyFileSync(join(bench.sources, 'wm.mp4'), join(workDir, 'segments', 'c0.media'));
    const executors = createExecutors({ outbound: bench.outbound, allowedCommands: [] });
    const controller = new AbortController();
    const execute = (uses: string, given: object) =>
      executors.get(uses)?.execute({
        ...{
          jobId: '1',
          taskId: '1',
          executionId: '1',
          cause: 'first' as const,
          token: '1',
          onReported: () => undefined,
          taskName: 'cut_clips',
          workflow: 'vodcapture',
          client: 'demo-client',
          attempt: 1,
        },
        clientConfiguration: {} as never,
        arguments: given as never,
        workDir,
        signal: controller.signal,
        log: (_, message) => {
          if (message.startsWith('cut_clips: ')) controller.abort(new Error('job broken'));
        },
      });
    const clip = { kind: 'file', source: 'wm.mp4', resource: { uri: 'http://x/' }, start: null, end: null };
    writeFileSync(
      join(workDir, 'plan.json'),
      JSON.stringify({ clips: [clip, clip, clip, clip, clip, clip].map((each) => ({ ...each })) }),
    );
    for (let index = 1; index < 6; index += 1)
      copyFileSync(join(bench.sources, 'wm.mp4'), join(workDir, 'segments', `c${index}.media`));
    const planned = await execute('builtin:capture.plan_runs', { plan: { plan: 'plan.json' }, segments: {} });
    const cut = execute('builtin:capture.cut_and_stitch', {
      runs: planned?.runs,
      frame_accurate: true,
      output: 'capture.mp4',
    });
    await expect(cut).rejects.toThrow('job broken');
    expect(readdirSync(workDir).filter((name) => name.endsWith('.mp4'))).toEqual([]);
  });

  it('26: keeps all renditions and languages of a master', async () => {
    const job = await capture('demo_26', [{ source: `${bench.url}/multi/master.m3u8`, start: 1, end: 5 }], {
      generate_vod: true,
    });
    expect(job.error).toBeNull();
    const name = readdirSync(target('demo_26')).find((each) => /^demo_26_[0-9a-f-]{36}\.mp4$/.test(each)) ?? '';
    const path = target('demo_26', name);
    expect(facts(path).streams.map((stream) => [stream.codec_type, stream.width ?? stream.tags?.language])).toEqual([
      ['video', 320],
      ['video', 160],
      ['audio', 'eng'],
      ['audio', 'fra'],
    ]);
    expect(frameNumbers(path)).toEqual(range(25, 124));
    expect(frameNumbers(path, { stream: '0:v:1' })).toEqual(range(25, 124));
    const master = readFileSync(target('demo_26', String(job.callback.message).split('/').at(-1) ?? ''), 'utf8');
    expect(master.match(/#EXT-X-STREAM-INF/g)).toHaveLength(2);
    expect([...master.matchAll(/LANGUAGE="(\w+)"/g)].map((match) => match[1])).toEqual(['eng', 'fra']);
  });

  it('27: writes the MP4 alone, in a folder that held something else, which is gone only with empty_target', async () => {
    writeFileSync(target('demo_18', 'keep.txt'), 'kept');
    const kept = await capture('demo_18', [{ source: F7(), end: 1 }], { empty_target: false });
    expect(kept.error).toBeNull();
    expect(readdirSync(target('demo_18'))).toContain('keep.txt');
    const alone = await capture('demo_18', [{ source: F7(), end: 1 }]);
    expect(readdirSync(target('demo_18')).sort()).toEqual(['demo_18.mp4', 'demo_18_metadata.json']);
    expect(alone.callback).toMatchObject({
      message: 'content/vod/demo_18/demo_18.mp4',
      files: ['content/vod/demo_18/demo_18.mp4', 'content/vod/demo_18/demo_18_metadata.json'],
    });
    expect(alone.log.find((row) => row.message.startsWith('Root key'))?.message).toBe(
      'Root key: output_root Root Folder: content/vod',
    );
    expect(existsSync(alone.job.workDir ?? '')).toBe(false);
  });

  it('28: refuses create_dref without generate_vod and leaves the target alone', async () => {
    const job = await capture('demo_18', [{ source: F7(), end: 1 }], { create_dref: true });
    expect(job).toMatchObject({
      state: 'failed',
      error: 'create_dref needs generate_vod',
      callback: { status: 'failed', files: [] },
    });
    expect(existsSync(target('demo_18', 'demo_18.mp4'))).toBe(true);
  });
});
