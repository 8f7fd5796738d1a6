import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientConfiguration } from '@task-engine/workflows';
import { testContext } from '../execution-context.fixture';
import { LocalRoot } from './local-root';
import { publishHandler } from './publish.handler';

const folder = mkdtempSync(join(tmpdir(), 'local-root-'));
const base = join(folder, 'media');
const client: ClientConfiguration = {
  default_storage: 'local',
  storage: { local: { base, input_root: 'ingest', output_root: 'content/vod' } },
};
const lines: string[] = [];
const open = (key = 'output_root') => LocalRoot.open(client, 'local', key, (line) => lines.push(line));

beforeAll(() => {
  mkdirSync(join(base, 'content/vod/demo/sub'), { recursive: true });
  writeFileSync(join(base, 'content/vod/demo/a.txt'), 'a');
  writeFileSync(join(base, 'content/vod/demo/sub/b.txt'), 'b');
  mkdirSync(join(folder, 'outside'));
  writeFileSync(join(folder, 'outside/secret.txt'), 's');
  symlinkSync(join(folder, 'outside'), join(base, 'content/vod/escape'));
  symlinkSync(join(folder, 'outside/new.txt'), join(base, 'content/vod/dangling'));
  symlinkSync(join(base, 'content/vod/demo'), join(base, 'content/vod/inside'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('local root', () => {
  it('logs which folder the root is and shows names from the root folder on', async () => {
    const root = await open();
    expect(lines).toEqual(['Root key: output_root Root Folder: content/vod']);
    expect(root.show('/demo_1/', 'x.m3u8')).toBe('content/vod/demo_1/x.m3u8');
  });

  it.each([
    '',
    '/',
    '.',
    '../x',
    'demo/../../x',
    'a\\b',
    'a\0b',
    'escape',
    'escape/secret.txt',
    'escape/new/x',
    'dangling',
    'demo/a.txt/x',
  ])('refuses the name %j', async (name) => {
    await expect((await open()).path(name)).rejects.toThrow('must name a place below the storage root');
  });

  it('follows links that stay below the base, and names need not exist', async () => {
    const root = await open();
    await expect(root.path('inside/a.txt')).resolves.toBe(join(base, 'content/vod/inside/a.txt'));
    await expect(root.path('/new/folder/x')).resolves.toBe(join(base, 'content/vod/new/folder/x'));
  });

  it('knows only configured roots of the kind local', async () => {
    for (const key of ['base', 'toString', 'archive_root'])
      await expect(open(key)).rejects.toThrow(`Not configured: storage root ${key}`);
    await expect(LocalRoot.open(client, 'S3', 'output_root', () => undefined)).rejects.toThrow(
      'Not supported: storage S3',
    );
  });

  it('lists files in depth; an absent folder is empty; a file is no folder', async () => {
    const root = await open();
    expect(await root.list('demo')).toEqual(['a.txt', 'sub/b.txt']);
    expect(await root.list('absent')).toEqual([]);
    await expect(root.list('demo/a.txt')).rejects.toThrow('Not a folder: content/vod/demo/a.txt');
  });

  it('removes a link and not what it points to', async () => {
    symlinkSync(join(folder, 'outside/secret.txt'), join(base, 'content/vod/demo/link'));
    const root = await open();
    expect(await root.remove('demo/link')).toBe(true);
    expect(await root.remove('demo/link')).toBe(false);
    await expect(root.remove('escape/secret.txt')).rejects.toThrow('must name a place');
    expect(existsSync(join(folder, 'outside/secret.txt'))).toBe(true);
  });
});

describe('publish', () => {
  const publish = (given: object, more = {}) => {
    const context = testContext(
      join(folder, 'work'),
      {
        storage: 'local',
        root: 'output_root',
        folder: '/out',
        empty_target: false,
        list_segments: false,
        ...given,
      },
      { clientConfiguration: client, ...more },
    );
    return { context, result: publishHandler().execute(context) };
  };

  beforeAll(() => {
    mkdirSync(join(folder, 'work'));
    for (const name of ['m', 's', 'x']) writeFileSync(join(folder, 'work', name), name);
  });

  it('uploads media, then side files, then manifests, and names segment folders once', async () => {
    const files = [
      [{ path: 'x', name: 'x.m3u8', role: 'manifest' }],
      null,
      [
        { path: 's', name: 'thumbnail.jpg', role: 'side' },
        { path: 'm', name: 'media_1/clear/a.m4s', role: 'media' },
        { path: 'm', name: 'media_1/clear/b.m4s', role: 'media' },
      ],
    ];
    const { context, result } = publish({ files });
    expect(await result).toEqual({
      path: 'content/vod/out',
      files: ['content/vod/out/media_1/clear/', 'content/vod/out/thumbnail.jpg', 'content/vod/out/x.m3u8'],
    });
    expect(context.rows).toEqual([
      'INFO Root key: output_root Root Folder: content/vod',
      'INFO Uploaded 2 segment files to content/vod/out',
      'INFO Uploaded content/vod/out/thumbnail.jpg (1 bytes)',
      'INFO Uploaded content/vod/out/x.m3u8 (1 bytes)',
    ]);
    expect((await publish({ files, list_segments: true }).result).files).toContain(
      'content/vod/out/media_1/clear/b.m4s',
    );
    expect(readFileSync(join(base, 'content/vod/out/x.m3u8'), 'utf8')).toBe('x');
  });

  it('empties the folder only when told, and clears what a killed execution of the job left', async () => {
    writeFileSync(join(base, 'content/vod/out/keep.txt'), '');
    writeFileSync(join(base, 'content/vod/out/.big.mp4.1-99.part'), 'half');
    const files = [[{ path: 'm', name: 'a.mp4', role: 'media' }]];
    await publish({ files }).result;
    expect(readdirSync(join(base, 'content/vod/out')).sort()).toEqual([
      'a.mp4',
      'keep.txt',
      'media_1',
      'thumbnail.jpg',
      'x.m3u8',
    ]);
    await publish({ files, empty_target: true }).result;
    expect(readdirSync(join(base, 'content/vod/out'))).toEqual(['a.mp4']);
  });

  it('writes nothing outside and reads nothing outside', async () => {
    const out = publish({ files: [[{ path: 'm', name: '../../../x', role: 'media' }]] });
    await expect(out.result).rejects.toThrow('must name a place below the storage root');
    await expect(
      publish({ files: [[{ path: '../outside/secret.txt', name: 'x', role: 'media' }]] }).result,
    ).rejects.toThrow('leaves the work folder');
    await expect(publish({ files: [null] }).result).rejects.toThrow('a_task: no output');
  });
});
