import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localRunSchema } from '@task-engine/platform';
import { DataFolder } from '../local/data-folder';
import { demoPlace } from './demo-place';

const folders: DataFolder[] = [];
let dataDir: string;

const configuration = (more: Record<string, string> = {}) =>
  localRunSchema.parse({ DATA_DIR: dataDir, PORT: '0', ...more });
const hold = (path: string) => folders.push(DataFolder.take(path));

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'task-engine-place-'));
});

afterEach(() => {
  for (const folder of folders.splice(0)) folder.release();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('demoPlace', () => {
  it('takes the folder that was asked for when nobody holds it', async () => {
    expect(await demoPlace(configuration())).toEqual({ dataDir, port: 0, notes: [] });
  });

  it('steps aside into a folder of its own when another instance holds the folder, and says so', async () => {
    hold(dataDir);
    const place = await demoPlace(configuration());
    expect(place.dataDir).toBe(join(dataDir, 'demo'));
    expect(place.notes).toEqual([`Another instance uses ${dataDir}: this demo has a folder of its own in it.`]);
  });

  it('refuses when its own folder is held too, or the database would be shared with the other instance', async () => {
    hold(dataDir);
    await expect(demoPlace(configuration({ DATABASE_URL: 'postgres://127.0.0.1/x' }))).rejects.toThrow(
      'Another instance',
    );
    hold(join(dataDir, 'demo'));
    await expect(demoPlace(configuration())).rejects.toThrow(/Another instance .*demo/);
  });

  it('goes to a free port when the one asked for is taken, and says so', async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as AddressInfo;
    const place = await demoPlace(configuration({ PORT: String(port) }));
    other.close();
    expect(place).toMatchObject({
      dataDir,
      port: 0,
      notes: [expect.stringContaining(`Port ${port} is not available`)],
    });
  });
});
