import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { JsonObject } from '@task-engine/domain';
import { builtInDefinitions, Definitions } from './definitions';
import { BUILTIN_HANDLERS, UNBUILT_WORKFLOWS } from './handlers';
import type { ResolvedDefinition } from './resolved-definition';

const COMMON = `
workflow: chain
version: 1
parameters:
  type: object
  required: [content_id]
  properties: {content_id: {type: string}, size: {type: integer, default: 1}}
requires: [storage.local]
tasks:
  - {name: a, uses: builtin:noop}
  - {name: b, uses: builtin:sleep, with: {seconds: 1, more: {x: 1, y: 2}}}
  - {name: c, uses: builtin:noop, with: {from: "\${tasks.b.output.x}"}}
  - {name: d, needs: [b], uses: builtin:noop}
  - {name: e, needs: [c, d], uses: builtin:noop}
  - {name: tidy, always: true, uses: builtin:noop}
`;

describe('definitions', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'definitions-'));
    write('common/chain.yaml', COMMON);
  });
  afterEach(() => rmSync(home, { recursive: true }));

  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(home, name)), { recursive: true });
    writeFileSync(path.join(home, name), text);
  };
  const load = (): Definitions => Definitions.load({ directories: [home] });
  const resolve = (client: string, definitions = load(), parameters: JsonObject = {}): ResolvedDefinition =>
    definitions.resolve('chain', client).resolve({ parameters });
  const links = (definition: ResolvedDefinition): string[] =>
    definition.tasks.map((task) => `${task.name}<${task.needs.join(',')}`);

  it('writes the default of needs out and puts always tasks last', () => {
    expect(links(resolve('x'))).toEqual(['a<', 'b<a', 'c<b', 'd<b', 'e<c,d', 'tidy<']);
  });

  it('the common definition serves every client that has none', () => {
    write('clients/acme/chain.yaml', 'timeout: 9');
    expect([resolve('x').source, resolve('acme').source, resolve('acme').timeout]).toEqual(['common', 'client', 9]);
    expect(load().list()).toEqual(['chain']);
  });

  it('merges maps deeply, replaces scalars and lists, and changes only the named keys of a task', () => {
    write(
      'clients/acme/chain.yaml',
      `
parameters: {required: [size], properties: {size: {default: 5}}}
tasks:
  - {name: b, timeout: 30, with: {more: {y: 3}}}
callbacks: {verify_tls: false, job: {body: {asset_class: x}}}
`,
    );
    const definition = resolve('acme');
    expect(definition.tasks[1]).toEqual({
      name: 'b',
      uses: 'builtin:sleep',
      queue: 'work',
      needs: ['a'],
      timeout: 30,
      always: false,
      with: { seconds: 1, more: { x: 1, y: 3 } },
    });
    expect(definition.callbacks).toMatchObject({ verifyTls: false, job: { body: { asset_class: 'x' } } });
    const schema = load().resolve('chain', 'acme').parameters.publish();
    expect(schema).toMatchObject({
      required: ['size'],
      properties: { content_id: { type: 'string' }, size: { type: 'integer', default: 5 } },
    });
  });

  it('a removed task leaves its needs to its dependants', () => {
    write('clients/acme/chain.yaml', 'tasks: [{name: d, remove: true}]');
    expect(links(resolve('acme'))).toEqual(['a<', 'b<a', 'c<b', 'e<c,b', 'tidy<']);
  });

  it('a new task goes between the task it comes after and its dependants, or where its needs put it', () => {
    write(
      'clients/acme/chain.yaml',
      'tasks: [{name: check, after: b, uses: "builtin:noop"}, {name: tell, needs: [e], uses: http, with: {url: "http://x"}}]',
    );
    expect(links(resolve('acme'))).toEqual(['a<', 'b<a', 'check<b', 'c<check', 'd<check', 'e<c,d', 'tell<e', 'tidy<']);
  });

  it('a client cannot loosen what a workflow requires', () => {
    write('clients/acme/chain.yaml', 'requires: [mediatailor.region]');
    const check = (): void =>
      load().resolve('chain', 'acme').checkRequires('acme', { default_storage: 'local', storage: {} });
    expect(check).toThrow("Not configured: chain for client 'acme' (set clients.acme.storage.local)");
  });

  it('extends: none stands alone, also for a workflow that nobody else has', () => {
    write(
      'clients/acme/own.yaml',
      'extends: none\nworkflow: own\nversion: 2\ntasks: [{name: a, uses: "builtin:noop"}]',
    );
    expect(load().resolve('own', 'acme').version).toBe(2);
    expect(() => load().resolve('own', 'other')).toThrow('Unknown workflow: own');
  });

  it('a later directory replaces files of an earlier one', () => {
    const definitions = Definitions.load({ directories: [builtInDefinitions(), home] });
    expect(definitions.list()).toEqual(expect.arrayContaining(['chain', 'noop', 'vodcapture']));
  });

  it.each([
    ['an unknown need', '{name: a, uses: "builtin:noop", needs: [z]}', "tasks.a: needs unknown task 'z'"],
    [
      'a circle',
      '{name: a, uses: "builtin:noop", needs: [b]}, {name: b, uses: "builtin:noop", needs: [a]}',
      'needs form a circle',
    ],
    ['an unknown builtin', '{name: a, uses: "builtin:magic"}', "unknown 'uses': builtin:magic"],
    ['a kind that is not built', '{name: a, uses: container}', "unknown 'uses': container"],
    ['a bad expression', '{name: a, uses: "builtin:noop", with: {x: "${1 +}"}}', 'bad expression'],
    ['an unknown name', '{name: a, uses: "builtin:noop", with: {x: "${process.env}"}}', "unknown name 'process'"],
    [
      'a task that is not upstream',
      '{name: a, uses: "builtin:noop"}, {name: b, needs: [], uses: "builtin:noop", when: "${tasks.a.output.x}"}',
      "reads task 'a', which is not upstream",
    ],
    [
      'a secret outside headers and env',
      '{name: a, uses: http, with: {url: "${secrets.x}"}}',
      "unknown name 'secrets'",
    ],
    [
      'two tasks of one name',
      '{name: a, uses: "builtin:noop"}, {name: a, uses: "builtin:noop"}',
      'two tasks have this name',
    ],
    [
      'a need of an always task',
      '{name: a, always: true, uses: "builtin:noop"}, {name: b, needs: [a], uses: "builtin:noop"}',
      'runs after everything else',
    ],
    ['a name that is no name', '{name: "A b", uses: "builtin:noop"}', 'must be snake_case'],
    ['an unknown key', '{name: a, uses: "builtin:noop", wehn: true}', 'wehn'],
    ['no task', '', 'tasks'],
    ['index without repeat', '{name: "a_${index}", uses: "builtin:noop"}', 'a repeated task, and no other'],
  ])('does not load %s', (_name, tasks, fault) => {
    write('common/bad.yaml', `workflow: bad\nversion: 1\ntasks: [${tasks}]`);
    expect(load).toThrow(fault);
    expect(load).toThrow('common/bad.yaml: ');
  });

  it.each([
    ['a schema that does not compile', 'parameters: {type: object, properties: {a: {type: thing}}}', 'parameters: '],
    ['a mistyped schema keyword', 'parameters: {type: object, properties: {a: {type: string, fromat: x}}}', 'fromat'],
    ['an unknown format', 'parameters: {type: object, properties: {a: {type: string, format: emoji}}}', 'emoji'],
    [
      'defaults in a circle',
      'parameters: {properties: {a: {type: string, default: "${parameters.b}"}, b: {type: string, default: "${parameters.a}"}}}',
      'a -> b -> a',
    ],
    ['an alias of nothing', 'aliases: {old: new}', "alias 'old' names no parameter"],
    ['a rule with a bad expression', 'rules: [{when: "${1 =}", error: x}]', 'rules: bad expression'],
    ['an unknown schedule', 'schedule: {uses: "builtin:moon"}', 'schedule: unknown'],
    ['a callback that reads an unknown task', 'callbacks: {job: {body: {x: "${tasks.zz.output}"}}}', "reads task 'zz'"],
    ['a bad header name', 'callbacks: {headers: {"a b": x}}', 'must have header names as keys'],
    ['another workflow than its file', 'workflow: other', "must be 'bad'"],
  ])('does not load %s', (_name, line, fault) => {
    const head = line.startsWith('workflow') ? '' : 'workflow: bad\n';
    write('common/bad.yaml', `${head}version: 1\n${line}\ntasks: [{name: a, uses: "builtin:noop"}]`);
    expect(load).toThrow(fault);
  });

  it('reports the faults of all files at once', () => {
    write('common/bad.yaml', 'workflow: bad\nversion: 1\ntasks: []');
    write('clients/acme/chain.yaml', 'tasks: [{name: new, uses: "builtin:noop"}]');
    write('clients/acme/none.yaml', 'timeout: 1');
    expect(load).toThrow(
      /common\/bad\.yaml.*clients\/acme\/chain\.yaml: tasks\.new: a new task needs 'after'.*none\.yaml: extends the common/s,
    );
  });

  it('a broken file keeps the whole old set and is reported until it is mended', () => {
    const definitions = load();
    const digest = resolve('x', definitions).digest;
    write('common/chain.yaml', COMMON.replace('version: 1', 'version: 2'));
    write('common/bad.yaml', 'workflow: bad\nversion: [');
    expect(definitions.reload()).toBe(false);
    expect(resolve('x', definitions).digest).toBe(digest);
    expect(definitions.problems()).toEqual([expect.stringContaining('common/bad.yaml: ')]);
    expect(definitions.problems().join()).not.toContain(home);
    rmSync(path.join(home, 'common/bad.yaml'));
    expect(definitions.reload()).toBe(true);
    expect([resolve('x', definitions).version, definitions.problems()]).toEqual([2, []]);
  });

  it('a watch swaps the set after a change, without being told', async () => {
    const definitions = load();
    let reloaded: (problems: string[]) => void = () => undefined;
    const promise = new Promise<string[]>((done) => (reloaded = done));
    const stop = definitions.watch({ debounceMs: 20, onReload: reloaded });
    try {
      write('clients/acme/chain.yaml', 'timeout: 77');
      expect(await promise).toEqual([]);
      expect(resolve('acme', definitions).timeout).toBe(77);
    } finally {
      stop();
    }
  });

  it('the digest depends on the content alone', () => {
    const before = resolve('x').digest;
    write(
      'common/chain.yaml',
      `# a comment\n${COMMON.replace('{seconds: 1, more: {x: 1, y: 2}}', '{more: {y: 2, x: 1}, seconds: 1}')}`,
    );
    expect(resolve('x').digest).toBe(before);
    expect(before).toMatch(/^[0-9a-f]{64}$/);
    write('common/chain.yaml', COMMON.replace('seconds: 1', 'seconds: 2'));
    expect(resolve('x').digest).not.toBe(before);
  });

  it('writes repeated tasks out one after the other, between their neighbours', () => {
    write(
      'common/chain.yaml',
      `
workflow: chain
version: 1
tasks:
  - {name: first, uses: builtin:noop}
  - {name: "part_\${index}", repeat: "\${parameters.count}", uses: builtin:sleep, with: {seconds: "\${index}"}}
  - {name: last, uses: builtin:noop}
`,
    );
    expect(links(resolve('x', load(), { count: 2 }))).toEqual([
      'first<',
      'part_1<first',
      'part_2<part_1',
      'last<part_2',
    ]);
    expect(links(resolve('x', load(), { count: 0 }))).toEqual(['first<', 'last<first']);
    for (const count of [1001, -1, 1.5, 'many', null]) {
      expect(() => resolve('x', load(), { count })).toThrow('Invalid parameter: the number of tasks');
    }
  });
});

describe('built-in definitions', () => {
  const definitions = Definitions.load();

  it('are those of this release; published workflows that are missing are known by name', () => {
    expect(definitions.list()).toEqual([
      'asset_delete',
      'capture_frame',
      'createmp4',
      'fail',
      'flaky',
      'noop',
      'sleep',
      'steps',
      'vodcapture',
      'voddelete',
    ]);
    for (const workflow of UNBUILT_WORKFLOWS) {
      expect(() => definitions.resolve(workflow, 'x')).toThrow(
        `Not supported: workflow '${workflow}' is not built yet`,
      );
    }
    expect(() => definitions.resolve('constructor', 'x')).toThrow('Unknown workflow: constructor');
  });

  it.each([
    ['noop', {}, ['noop builtin:noop']],
    ['sleep', { seconds: 1 }, ['sleep builtin:sleep']],
    ['fail', { message: 'x' }, ['fail builtin:fail']],
    ['flaky', { failures: 1 }, ['flaky builtin:flaky']],
    ['steps', { count: 3 }, ['step_1 builtin:sleep', 'step_2 builtin:sleep', 'step_3 builtin:sleep']],
  ])('%s has exactly its tasks', (workflow, parameters, tasks) => {
    const resolved = definitions.resolve(workflow, 'x').resolve({ parameters });
    expect(resolved.tasks.map((task) => `${task.name} ${task.uses}`)).toEqual(tasks);
    expect(new Set(resolved.tasks.map((task) => task.queue))).toEqual(new Set(['work']));
  });

  it('use every handler, and no handler lacks a definition', () => {
    const folder = path.join(builtInDefinitions(), 'common');
    const text = definitions
      .list()
      .map((name) => readFileSync(path.join(folder, `${name}.yaml`), 'utf8'))
      .join('\n');
    for (const handler of BUILTIN_HANDLERS) expect(text).toContain(handler);
  });

  it('publish a schema that shows templated defaults and old names', () => {
    const { properties } = definitions.schema('vodcapture') as { properties: JsonObject };
    expect(properties.mp4_filename).toEqual({
      type: 'string',
      format: 'file-name',
      description: 'Default: ${parameters.content_id}.mp4',
    });
    expect(properties.encrypted).toMatchObject({ type: 'boolean', deprecated: true });
    expect(properties.rest_endpoints).toMatchObject({ type: 'array' });
  });
});
