import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClientConfigurations } from './client-configuration';

describe('client configurations', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'clients-'));
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const load = (text: string): ClientConfigurations => {
    writeFileSync(path.join(home, 'clients.yaml'), text);
    return ClientConfigurations.load({ file: path.join(home, 'clients.yaml'), dataDir: home });
  };

  it('without a file every client has local storage below the data folder', () => {
    const clients = ClientConfigurations.load({ dataDir: home });
    expect(clients.for('anyone')).toEqual({
      default_storage: 'local',
      storage: { local: { base: path.join(home, 'media/anyone'), input_root: 'ingest', output_root: 'content/vod' } },
    });
  });

  it('gives clients that share a base a folder each, whatever their names', () => {
    const names = [
      'a',
      'A',
      '..',
      '.',
      '../a',
      'a/b',
      'a%2Fb',
      '__proto__',
      'constructor',
      'x'.repeat(200),
      'ö'.repeat(200),
    ];
    const bases = names.map((name) => ClientConfigurations.load({ dataDir: home }).for(name).storage.local!.base);
    expect(new Set(bases).size).toBe(names.length);
    for (const base of bases) expect(path.dirname(base)).toBe(path.join(home, 'media'));
    expect(bases.every((base) => path.basename(base).length <= 200)).toBe(true);
  });

  it('lays the defaults of the file and then the client over that', () => {
    const clients = load(
      'defaults: {storage: {local: {base: /media}}}\nclients: {a: {storage: {local: {archive_root: old}}, default_storage: S3}}',
    );
    expect(clients.for('a').storage.local).toEqual({
      base: '/media/a',
      input_root: 'ingest',
      output_root: 'content/vod',
      archive_root: 'old',
    });
    expect([clients.for('a').default_storage, clients.for('b').default_storage]).toEqual(['S3', 'local']);
  });

  it('takes relative places from the folder of the file and secrets from files', () => {
    writeFileSync(path.join(home, 'token'), 's3cret\n');
    const clients = load(
      'clients: {a: {storage: {local: {base: media}}, secrets: {token: {file: token}, other: plain}}}',
    );
    expect(clients.for('a').storage.local?.base).toBe(path.join(home, 'media'));
    expect(clients.for('a').secrets).toEqual({ token: 's3cret', other: 'plain' });
  });

  it('cannot be changed by who reads it', () => {
    const configuration = load('clients: {a: {headers: {X-A: b}}}').for('a');
    expect(() => Object.assign(configuration.headers ?? {}, { 'X-A': 'c' })).toThrow(TypeError);
  });

  it('names every fault by key and no value', () => {
    const text =
      'defaults: {default_storage: floppy, headers: {a: 1}}\nclients: {a: {storage: {local: {input_root: ../secret}}}}\nextra: 1';
    expect(() => load(text)).toThrow(/default_storage.*headers\.a.*clients\.a\.storage\.local\.input_root.*extra/s);
    expect(() => load(text)).not.toThrow(/\.\.\/secret|floppy/);
    expect(() => load('clients: [')).toThrow('cannot be read');
    expect(() => load('clients: {a: {secrets: {x: {file: nowhere}}}}')).toThrow('the file of secrets.x cannot be read');
  });
});
