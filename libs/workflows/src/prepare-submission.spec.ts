import { DomainError, type JsonObject } from '@task-engine/domain';
import { ClientConfigurations } from './client-configuration';
import { Definitions } from './definitions';
import { prepareSubmission, type PreparedSubmission, type Submission } from './prepare-submission';

const definitions = Definitions.load();
const clients = ClientConfigurations.load({ dataDir: '/tmp/nowhere' });
const now = new Date('2030-01-01T12:00:00Z');

const submit = (workflow: unknown, parameters: unknown, more: Partial<Submission> = {}): PreparedSubmission =>
  prepareSubmission(definitions, clients, { client: 'demo', workflow, parameters, now, ...more });
const refusal = (workflow: unknown, parameters: unknown, more: Partial<Submission> = {}): string => {
  try {
    submit(workflow, parameters, more);
  } catch (error) {
    if (error instanceof DomainError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
};

const SOURCE = 'http://origin.example/a.m3u8';
const capture = (more: object = {}, clip: object = { source: SOURCE }): object => ({
  content_id: 'id',
  output_folder: 'out',
  clips: [clip],
  ...more,
});
const json = (text: string): unknown => JSON.parse(text) as unknown;

describe('what a submission names', () => {
  it.each([
    [undefined, 'invalid_parameter: Missing required parameter: job.workflow'],
    [null, 'invalid_parameter: Missing required parameter: job.workflow'],
    ['', 'invalid_parameter: Missing required parameter: job.workflow'],
    [5, 'invalid_parameter: Invalid parameter: job.workflow must be a string'],
    ['nope', 'unknown_workflow: Unknown workflow: nope'],
    ['__proto__', 'unknown_workflow: Unknown workflow: __proto__'],
    ['../noop', 'unknown_workflow: Unknown workflow: ../noop'],
    ['x'.repeat(5000), `unknown_workflow: Unknown workflow: ${'x'.repeat(100)}...`],
    ['vodstream', "not_supported: Not supported: workflow 'vodstream' is not built yet"],
  ])('workflow %j', (workflow, text) => {
    expect(refusal(workflow, {})).toBe(text);
  });

  it.each([
    [{ priority: 0 }, 'job.priority must be an integer from 1 to 10'],
    [{ priority: 11 }, 'job.priority must be an integer from 1 to 10'],
    [{ priority: 2.5 }, 'job.priority must be an integer from 1 to 10'],
    [{ priority: 'high' }, 'job.priority must be an integer from 1 to 10'],
    [{ priority: true }, 'job.priority must be an integer from 1 to 10'],
    [{ runAt: 'tomorrow' }, 'job.run_at must be a UTC time like 2024-01-31T10:00:00.000Z'],
    [{ runAt: '2030-02-30T10:00:00' }, 'job.run_at must be a UTC time like 2024-01-31T10:00:00.000Z'],
    [{ runAt: 5 }, 'job.run_at must be a UTC time like 2024-01-31T10:00:00.000Z'],
    [{ semaphoreUrl: 'ftp://x/y' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: 'http://x:99999/' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: 'http://x:0/' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: 'http:x' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: 'http://a b/' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: 'http:///x' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: 'http://300.1.1.1/' }, 'job.semaphore_url must be an http(s) URL'],
    [{ semaphoreUrl: {} }, 'job.semaphore_url must be an http(s) URL'],
  ])('%j is refused', (more, text) => {
    expect(refusal('noop', {}, more)).toBe(`invalid_parameter: Invalid parameter: ${text}`);
  });

  it('priority, run_at and semaphore_url have defaults and take strings', () => {
    expect(submit('noop', {})).toMatchObject({ priority: 5, runAt: null, semaphoreUrl: null, warnings: [] });
    expect(submit('noop', {}, { priority: null, runAt: null, semaphoreUrl: null })).toMatchObject({
      priority: 5,
      runAt: null,
    });
    const given = submit('noop', undefined, {
      priority: '2',
      runAt: '2030-01-01T12:00:01.5',
      semaphoreUrl: 'https://u:p@x.example:8443/go?a=1',
    });
    expect(given).toMatchObject({
      priority: 2,
      runAt: new Date('2030-01-01T12:00:01.500Z'),
      semaphoreUrl: 'https://u:p@x.example:8443/go?a=1',
    });
  });

  it('a run_at that has passed means at once', () => {
    expect(submit('noop', {}, { runAt: '2029-01-01T00:00:00Z' }).runAt).toBeNull();
  });
});

describe('parameters', () => {
  it.each([null, [], 'x', 3, true])('%j is no parameters object', (parameters) => {
    expect(refusal('noop', parameters)).toBe('invalid_parameter: Invalid parameter: parameters must be an object');
  });

  it.each([
    ['sleep', {}, 'Missing required parameter: seconds'],
    ['sleep', { seconds: '' }, 'Missing required parameter: seconds'],
    ['sleep', { seconds: null }, 'Missing required parameter: seconds'],
    ['sleep', { seconds: 'x' }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: 3600.1 }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: -1 }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: '1e3' }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: ' 1' }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: true }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: [1] }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['sleep', { seconds: 1, content_id: 5 }, 'Invalid parameter: content_id must be a string'],
    ['flaky', {}, 'Missing required parameter: failures'],
    ['flaky', { failures: 1.5 }, 'Invalid parameter: failures must be an integer of at least 0'],
    ['flaky', { failures: -1 }, 'Invalid parameter: failures must be an integer of at least 0'],
    ['steps', {}, 'Missing required parameter: count'],
    ['steps', { count: 0 }, 'Invalid parameter: count must be an integer from 1 to 100'],
    ['steps', { count: '101' }, 'Invalid parameter: count must be an integer from 1 to 100'],
    ['steps', { count: 1, seconds: 4000 }, 'Invalid parameter: seconds must be a number from 0 to 3600'],
    ['fail', { message: 3 }, 'Invalid parameter: message must be a string'],
    ['noop', { rest_endpoints: 'http://x' }, 'Invalid parameter: rest_endpoints must be a list'],
    [
      'noop',
      { rest_endpoints: ['http://x', 'mailto:x'] },
      'Invalid parameter: rest_endpoints[1] must be an http(s) URL',
    ],
    ['noop', { rest_endpoints: ['http://x:70000'] }, 'Invalid parameter: rest_endpoints[0] must be an http(s) URL'],
    ['noop', { rest_endpoints: [null] }, 'Invalid parameter: rest_endpoints[0] must be an http(s) URL'],
    ['vodcapture', { output_folder: 'x', clips: [{ source: SOURCE }] }, 'Missing required parameter: content_id'],
    ['vodcapture', capture({ content_id: '' }), 'Missing required parameter: content_id'],
    ['vodcapture', capture({ content_id: '../../x' }), 'Invalid parameter: content_id must be a file name'],
    ['vodcapture', capture({ clips: [] }), 'Invalid parameter: clips must not be empty'],
    ['vodcapture', capture({ clips: {} }), 'Invalid parameter: clips must be a list'],
    ['vodcapture', capture({ clips: ['x'] }), 'Invalid parameter: clips[0] must be an object'],
    [
      'vodcapture',
      capture({ clips: [{ source: SOURCE }, { start: 1 }] }),
      'Missing required parameter: clips[1].source',
    ],
    ['vodcapture', capture({}, { source: '' }), 'Missing required parameter: clips[0].source'],
    ['vodcapture', capture({}, { source: null, local_source: null }), 'Missing required parameter: clips[0].source'],
    [
      'vodcapture',
      capture({}, { source: SOURCE, local_source: 'a.mp4' }),
      'Invalid parameter: clips[0] must have exactly one of source, sources, local_source',
    ],
    ['vodcapture', capture({}, { source: 'rtmp://x/y' }), 'Invalid parameter: clips[0].source must be an http(s) URL'],
    [
      'vodcapture',
      capture({}, { local_source: '../a.mp4' }),
      'Invalid parameter: clips[0].local_source must name a place below the storage root',
    ],
    ['vodcapture', capture({}, { source: SOURCE, start: 'noon' }), 'Invalid parameter: clips[0].start must be a time'],
    ['vodcapture', capture({}, { source: SOURCE, start: -1 }), 'Invalid parameter: clips[0].start must be a time'],
    [
      'vodcapture',
      capture({}, { source: SOURCE, start: 5, end: '0:05' }),
      'Invalid parameter: clips[0].end must be later than start',
    ],
    ['vodcapture', capture({ thumbnail_time: true }), 'Invalid parameter: thumbnail_time must be a time'],
    ['vodcapture', capture({ frame_accurate: 'yes' }), 'Invalid parameter: frame_accurate must be true or false'],
    ['vodcapture', capture({ frame_accurate: 1 }), 'Invalid parameter: frame_accurate must be true or false'],
    ['vodcapture', capture({ mp4_filename: 'a/b.mp4' }), 'Invalid parameter: mp4_filename must be a file name'],
    ['vodcapture', capture({ mp4_filename: '..' }), 'Invalid parameter: mp4_filename must be a file name'],
    ['vodcapture', capture({ drm: 'clear' }), 'Invalid parameter: drm must be a list'],
    [
      'vodcapture',
      capture({ destination_storage: 'floppy' }),
      'Invalid parameter: destination_storage must be one of S3, azure_blob, local',
    ],
    ['vodcapture', capture({ output_root: 5 }), 'Invalid parameter: output_root must be a string that is not empty'],
    ...['../x', 'a/../../b', '/', '.', 'a\\b', 'a\u0000b', '//', './/.'].map(
      (folder) =>
        [
          'vodcapture',
          capture({ output_folder: folder }),
          'Invalid parameter: output_folder must name a place below the storage root',
        ] as const,
    ),
    ['voddelete', {}, 'Missing required parameter: folder'],
    ['voddelete', { folder: '..' }, 'Invalid parameter: folder must name a place below the storage root'],
    ['createmp4', { content_id: 'a' }, 'Missing required parameter: source_folder'],
    [
      'createmp4',
      { content_id: 'a', source_folder: 'x', output_folder: '/' },
      'Invalid parameter: output_folder must name a place below the storage root',
    ],
    ['asset_delete', { content_id: 'a' }, 'Missing required parameter: files'],
    ['asset_delete', { content_id: 'a', files: [] }, 'Invalid parameter: files must not be empty'],
    [
      'asset_delete',
      { content_id: 'a', files: ['x', 'a/../..'] },
      'Invalid parameter: files[1] must name a place below the storage root',
    ],
    [
      'asset_delete',
      { content_id: 'a', files: ['folder/'] },
      'Invalid parameter: files[0] must name a place below the storage root',
    ],
    [
      'capture_frame',
      { content_id: 'a', source: SOURCE, output_folder: 'x', image_filename: 'x.jpg' },
      'Missing required parameter: frame_time',
    ],
    [
      'capture_frame',
      { content_id: 'a', source: SOURCE, frame_time: 1, output_folder: 'x', image_filename: 'x.gif' },
      'Invalid parameter: image_filename must be a file name ending in .jpg, .jpeg, .png or .webp',
    ],
  ])('%s with %j is refused', (workflow, parameters, text) => {
    expect(refusal(workflow, parameters)).toBe(`invalid_parameter: ${text}`);
  });

  it.each([
    [
      capture({}, { source: 'http://x/a.ism/manifest' }),
      'Smooth Streaming source http://x/a.ism/manifest; use the .m3u8 or .mpd URL of the stream',
    ],
    [
      capture({}, { source: 'http://x/a.isml/Manifest?y=1' }),
      'Smooth Streaming source http://x/a.isml/Manifest?y=1; use the .m3u8 or .mpd URL of the stream',
    ],
    [capture({}, { source: 'http://x/a.mpd?z' }), 'DASH source http://x/a.mpd?z; use the .m3u8 URL of the stream'],
    [capture({}, { source: SOURCE, seed: 'x' }), 'clips[0].seed (VUDRM)'],
    [capture({}, { source: SOURCE, content_key: 'x' }), 'clips[0].content_key (encrypted sources)'],
    [capture({}, { source: SOURCE, key_id: 'x' }), 'clips[0].key_id (encrypted sources)'],
    [capture({}, { source: SOURCE, filter: 'type=="audio"' }), 'clips[0].filter (track filters)'],
    [capture({}, { sources: [SOURCE] }), 'clips[0].sources (merging of origins)'],
    [capture({ drm: ['clear', 'widevine'] }), "drm[1] 'widevine' (encryption)"],
    [capture({ encrypt_ismv: true }), 'encrypt_ismv (encryption)'],
    [capture({ playready_key: 'x' }), 'playready_key (encryption)'],
    [capture({ cpix: 'true' }), 'cpix (encryption)'],
    [capture({ preview_thumbnails: true }), 'preview_thumbnails'],
    [capture({ trickplay: true }), 'trickplay'],
    [capture({ apply_track_properties: true }), 'apply_track_properties'],
    [capture({ continuous_capture: true }), 'continuous_capture (live sources)'],
    [capture({ destination_storage: 'S3' }), "destination_storage 'S3'"],
  ])('%j is not built', (parameters, what) => {
    expect(refusal('vodcapture', parameters)).toBe(`not_supported: Not supported: ${what}`);
  });

  it('a storage root that the client lacks is not configured, the base and inherited names included', () => {
    for (const root of ['archive', 'base', '__proto__', 'toString']) {
      expect(refusal('vodcapture', capture({ output_root: root }))).toBe(
        `not_configured: Not configured: storage root '${root}' for client 'demo' (set clients.demo.storage.local.${root})`,
      );
    }
  });

  it('turns strings into booleans and numbers where the schema asks for them, and nothing else', () => {
    const { parameters } = submit(
      'vodcapture',
      capture({
        frame_accurate: 'false',
        preview_thumbnails_interval: '2.5',
        thumbnail_time: '7.04',
        custom_data: 'true',
        extra: '5',
      }),
    );
    expect(parameters).toMatchObject({
      frame_accurate: false,
      preview_thumbnails_interval: 2.5,
      thumbnail_time: '7.04',
      custom_data: 'true',
      extra: '5',
    });
    expect(submit('sleep', { seconds: '0.25' }).parameters.seconds).toBe(0.25);
    expect(submit('steps', { count: '12' }).definition.tasks).toHaveLength(12);
  });

  it('fills defaults in, templated ones last, and leaves the submitted object alone', () => {
    const submitted = capture({ generate_vod: false, create_thumbnail: null });
    const before = JSON.stringify(submitted);
    const { parameters } = submit('vodcapture', submitted);
    expect(parameters).toMatchObject({
      create_dref: false,
      create_thumbnail: true,
      mp4_filename: 'id.mp4',
      destination_storage: 'local',
      enable_drm: true,
      drm: ['clear'],
      thumbnail_time: 0,
      empty_target: true,
      rest_endpoints: [],
      output_root: 'output_root',
    });
    expect(JSON.stringify(submitted)).toBe(before);
  });

  it('checks rendered defaults like submitted values', () => {
    const hostile = submit('vodcapture', capture({ content_id: '${parameters.drm}' }));
    expect(hostile.parameters).toMatchObject({
      content_id: '${parameters.drm}',
      mp4_filename: '${parameters.drm}.mp4',
    });
    expect(submit('createmp4', { content_id: 'a', source_folder: 'x/y' }).parameters).toMatchObject({
      output_folder: 'x/y',
      retries: 0,
    });
  });

  it('an old name stands in for the new one, which wins', () => {
    expect(submit('vodcapture', capture({ encrypted: 'false' })).parameters).toMatchObject({ enable_drm: false });
    const both = submit('vodcapture', capture({ encrypted: false, enable_drm: true })).parameters;
    expect(both.enable_drm).toBe(true);
    expect(both).not.toHaveProperty('encrypted');
  });

  it('explicit create_dref without generate_vod is accepted: it fails in validate_request', () => {
    const { parameters } = submit('vodcapture', capture({ generate_vod: false, create_dref: true }));
    expect(parameters).toMatchObject({ generate_vod: false, create_dref: true });
  });

  it('keeps unknown parameters and warns once, however many there are', () => {
    const { parameters, warnings } = submit(
      'vodcapture',
      capture({ foo: { a: [1] }, transcode_proxy: 'http://p.example' }, { source: SOURCE, bar: 1 }),
    );
    expect(parameters).toMatchObject({ foo: { a: [1] }, clips: [{ bar: 1 }] });
    expect(warnings).toEqual([
      'transcode_proxy: not used; cutting runs on the queue windows_capture',
      'Unknown parameters: clips[0].bar, foo',
    ]);
    const flood = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`k${i}`.padEnd(500, 'x'), i]));
    expect(submit('noop', flood).warnings).toHaveLength(1);
    expect(submit('noop', flood).warnings[0]?.length).toBeLessThan(2000);
  });

  it('every workflow takes content_id, custom_data and rest_endpoints', () => {
    const common = { content_id: 'a', custom_data: { a: null }, rest_endpoints: ['http://x.example:8080/cb'] };
    for (const [workflow, own] of Object.entries({
      noop: {},
      sleep: { seconds: 0 },
      fail: {},
      flaky: { failures: 0 },
      steps: { count: 1 },
    })) {
      expect(submit(workflow, { ...common, ...own })).toMatchObject({ parameters: common, warnings: [] });
    }
    expect(submit('noop', { custom_data: null }).parameters.custom_data).toBeNull();
    expect(submit('voddelete', { folder: 'x' }).parameters).not.toHaveProperty('content_id');
  });

  it('refuses what no later part could keep', () => {
    expect(refusal('noop', json('{"__proto__": {"x": 1}}'))).toContain(
      'Invalid parameter: __proto__ must have another name',
    );
    expect(refusal('noop', json('{"a": [{"__proto__": 1}]}'))).toContain(
      'Invalid parameter: a[0].__proto__ must have another name',
    );
    expect(refusal('noop', json(`{"custom_data": ${'['.repeat(2000)}${']'.repeat(2000)}}`))).toContain(
      'custom_data must have at most 32 levels',
    );
    expect(refusal('noop', { a: 'x\u0000' })).toContain('a must be text without NUL and lone surrogates');
    expect(refusal('noop', { a: ['\ud800'] })).toContain('a[0] must be text without NUL');
    expect(refusal('noop', { 'a\u0000': 1 })).toContain('must be text without NUL');
    expect(refusal('noop', { a: '\u{1f600}' })).toBe('accepted');
    expect(({} as JsonObject).x).toBeUndefined();
  });

  it('names that objects inherit are ordinary unknown parameters', () => {
    expect(submit('noop', json('{"constructor": 1, "toString": 2}')).warnings).toEqual([
      'Unknown parameters: constructor, toString',
    ]);
  });
});

describe('captures', () => {
  const clip = (end: string): object => ({ source: SOURCE, end });

  it('wait for the end of their last clip', () => {
    expect(submit('vodcapture', capture({}, clip('2030-01-01T13:00:00Z'))).runAt).toEqual(
      new Date('2030-01-01T13:00:00Z'),
    );
    expect(
      submit('vodcapture', capture({}, clip('2030-01-01T13:00:00Z')), { runAt: '2030-01-01T14:00:00' }).runAt,
    ).toEqual(new Date('2030-01-01T14:00:00Z'));
    expect(
      submit('vodcapture', capture({}, clip('2030-01-01T13:00:00Z')), { runAt: '2030-01-01T12:10:00' }).runAt,
    ).toEqual(new Date('2030-01-01T13:00:00Z'));
    expect(submit('vodcapture', capture({}, clip('2030-01-01T11:00:00Z'))).runAt).toBeNull();
    expect(submit('vodcapture', capture({}, clip('23:00:00'))).runAt).toBeNull();
  });
});
