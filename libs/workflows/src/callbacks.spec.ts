import type { JsonObject } from '@task-engine/domain';
import { callbackEndpoints, callbackHeaders, jobCallback, taskCallback } from './callbacks';
import { ClientConfigurations } from './client-configuration';
import { Definitions } from './definitions';
import type { TaskSnapshot } from './plan-tasks';
import { prepareSubmission } from './prepare-submission';
import type { CallbackPlan, ResolvedDefinition } from './resolved-definition';
import type { JobContext } from './scope';

const definitions = Definitions.load();
const clients = ClientConfigurations.load({ dataDir: '/tmp/nowhere' });
const time = new Date('2030-01-01T12:00:00.123Z');
const SOURCE = 'http://origin.example/a.m3u8';

const subject = (
  workflow: string,
  parameters: JsonObject,
  outputs: Record<string, JsonObject> = {},
  callbacks: Partial<CallbackPlan> = {},
) => {
  const prepared = prepareSubmission(definitions, clients, { client: 'demo', workflow, parameters, now: time });
  const definition: ResolvedDefinition = {
    ...prepared.definition,
    callbacks: { ...prepared.definition.callbacks, ...callbacks },
  };
  const job: JobContext = {
    id: '12',
    priority: 5,
    runAt: time.toISOString(),
    createdAt: time.toISOString(),
    client: 'demo',
    clientConfiguration: clients.for('demo'),
    parameters: prepared.parameters,
  };
  const tasks = definition.tasks.map(({ name }): TaskSnapshot => ({
    name,
    state: outputs[name] ? 'completed' : 'skipped',
    output: outputs[name] ?? null,
    error: null,
  }));
  return { definition, job, tasks, time };
};
const CAPTURE = { content_id: 'id', output_folder: 'demo_1', clips: [{ source: SOURCE }], custom_data: { n: 1 } };
const UPLOADED = {
  path: 'content/vod/demo_1',
  files: ['content/vod/demo_1/id.mp4', 'content/vod/demo_1/media_g/clear/'],
};
const completed = { state: 'completed' } as const;
const failed = { state: 'failed', error: 'boom' } as const;

describe('task callbacks', () => {
  it('have exactly the published fields, ids as strings and time in UTC', () => {
    expect(
      taskCallback({
        ...subject('noop', { content_id: 'c' }),
        task: { id: '34', name: 'noop' },
        event: 'start',
        message: 'ignored',
      }),
    ).toEqual({
      job_id: '12',
      task_id: '34',
      task_name: 'noop',
      workflow: 'noop',
      event: 'start',
      content_id: 'c',
      message: '',
      time: '2030-01-01T12:00:00.123Z',
      client: 'demo',
    });
  });

  it('carry the error on fail', () => {
    expect(
      taskCallback({ ...subject('noop', {}), task: { id: '1', name: 'noop' }, event: 'fail', message: 'boom' }),
    ).toMatchObject({ event: 'fail', message: 'boom', content_id: null });
  });

  it('of asset_delete list the files really deleted', () => {
    const parameters = { content_id: 'c', files: ['a', 'b'] };
    const task = { id: '1', name: 'delete_files' };
    expect(taskCallback({ ...subject('asset_delete', parameters), task, event: 'start' }).files).toEqual([]);
    expect(
      taskCallback({
        ...subject('asset_delete', parameters, { delete_files: { files: ['b'] } }),
        task,
        event: 'complete',
      }).files,
    ).toEqual(['b']);
  });
});

describe('job callbacks', () => {
  it('have the common fields, custom_data unchanged and no task_id', () => {
    expect(
      jobCallback({ ...subject('noop', { content_id: 'c', custom_data: [1, null, { a: 'b' }] }), outcome: completed }),
    ).toEqual({
      job_id: '12',
      status: 'completed',
      workflow: 'noop',
      content_id: 'c',
      custom_data: [1, null, { a: 'b' }],
      time: '2030-01-01T12:00:00.123Z',
      client: 'demo',
    });
  });

  it.each<[string, JsonObject, Record<string, JsonObject>, JsonObject]>([
    [
      'vodcapture',
      CAPTURE,
      {
        write_manifests: { active_manifest: 'id_nodrm_g.m3u8' },
        create_mp4: { filename: 'id.mp4' },
        extract_metadata: { duration: 10.4 },
        upload_assets: UPLOADED,
      },
      { message: 'content/vod/demo_1/id_nodrm_g.m3u8', files: UPLOADED.files, metadata: { duration: 10.4 } },
    ],
    [
      'vodcapture',
      { ...CAPTURE, generate_vod: false, generate_mp4: true },
      { create_mp4: { filename: 'id.mp4' }, extract_metadata: { duration: 1 }, upload_assets: UPLOADED },
      { message: 'content/vod/demo_1/id.mp4', files: UPLOADED.files, metadata: { duration: 1 } },
    ],
    [
      'vodcapture',
      { ...CAPTURE, generate_vod: false },
      { extract_metadata: { duration: 1 }, upload_assets: UPLOADED },
      { message: '', files: UPLOADED.files, metadata: { duration: 1 } },
    ],
    [
      'createmp4',
      { content_id: 'id', source_folder: 'x' },
      { create_mp4: { filename: 'id.mp4' }, upload_assets: UPLOADED },
      { message: 'id.mp4', files: UPLOADED.files },
    ],
    [
      'capture_frame',
      { content_id: 'id', source: SOURCE, frame_time: 1, output_folder: 'x', image_filename: 'x.png' },
      { capture_frame: { filename: 'x.png' }, upload_assets: UPLOADED },
      { message: 'x.png', files: UPLOADED.files },
    ],
    ['voddelete', { content_id: 'id', folder: 'demo_1' }, {}, { message: 'demo_1' }],
    [
      'asset_delete',
      { content_id: 'id', files: ['a', 'b'] },
      { delete_files: { files: ['b'] } },
      { message: ['a', 'b'] },
    ],
  ])('%s reports its result', (workflow, parameters, outputs, expected) => {
    const {
      job_id: _a,
      status: _b,
      workflow: _c,
      content_id: _d,
      custom_data: _e,
      time: _f,
      client: _g,
      ...own
    } = jobCallback({
      ...subject(workflow, parameters, outputs),
      outcome: completed,
    });
    expect(own).toEqual(expected);
  });

  it('of a failed job have its error, empty files, and no metadata', () => {
    const body = jobCallback({
      ...subject('vodcapture', CAPTURE, { upload_assets: UPLOADED, extract_metadata: { duration: 1 } }),
      outcome: failed,
    });
    expect(body).toMatchObject({ status: 'failed', message: 'boom', files: [] });
    expect(body).not.toHaveProperty('metadata');
    expect(jobCallback({ ...subject('voddelete', { folder: 'x' }), outcome: failed })).toMatchObject({ files: [] });
  });

  it('a definition adds, changes and removes fields, but not the ones that say what the callback is', () => {
    const callbacks = {
      job: {
        body: { asset: '${parameters.content_id}', custom_data: null, status: null, job_id: 'x', bad: '${size(true)}' },
        onFailure: { why: 'x' },
      },
    };
    const body = jobCallback({ ...subject('noop', { content_id: 'c' }, {}, callbacks), outcome: completed });
    expect(body).toMatchObject({ asset: 'c', status: 'completed', job_id: '12', bad: null });
    expect(body).not.toHaveProperty('custom_data');
    expect(jobCallback({ ...subject('noop', {}, {}, callbacks), outcome: failed })).toMatchObject({
      why: 'x',
      message: 'boom',
    });
  });
});

describe('where and how callbacks go', () => {
  it('to the submitted endpoints and those of the definition, each once', () => {
    const { definition, job } = subject(
      'noop',
      { rest_endpoints: ['http://a.example', 'http://b.example'] },
      {},
      { endpoints: ['http://b.example', 'http://c.example'] },
    );
    expect(callbackEndpoints(definition, job.parameters)).toEqual([
      'http://a.example',
      'http://b.example',
      'http://c.example',
    ]);
  });

  it('with headers of the client and the definition; a value that no header may have is left out', () => {
    const { definition } = subject(
      'noop',
      {},
      {},
      { headers: { 'X-Token': 'Bearer ${secrets.token}', 'X-Bad': '${secrets.bad}', 'X-None': '${secrets.none}' } },
    );
    const configuration = {
      ...clients.for('demo'),
      headers: { 'X-Client': 'c' },
      secrets: { token: 't', bad: 'a\r\nb' },
    };
    expect(callbackHeaders(definition, configuration)).toEqual({ 'X-Client': 'c', 'X-Token': 'Bearer t' });
  });
});
