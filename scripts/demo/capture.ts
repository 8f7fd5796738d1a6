import { join } from 'node:path';
import type { Callback, DemoServer } from './demo-server';
import type { Checks } from './checks';
import type { EngineClient, JobFacts } from './engine-client';
import { JobView } from './job-view';
import type { MediaTools } from '../local/media-tools';
import { producedFiles, type ProducedFile } from './produced-files';
import { columns, type Screen } from './screen';
import { PICTURE, VIDEO } from './test-video';

export interface CaptureDemo {
  engine: EngineClient;
  server: DemoServer;
  screen: Screen;
  checks: Checks;
  tools: MediaTools;
  /** Where the client's storage begins: paths in callbacks are relative to it. */
  storage: string;
}

/** Whole frames, none of them on a key frame: a cut that is not exact shows in the duration. */
const CLIPS = [
  { from: VIDEO.hls, start: 3.2, end: 7.2 },
  { from: VIDEO.mp4, start: 12.4, end: 16 },
];
const ASKED_SECONDS = CLIPS.reduce((sum, { start, end }) => sum + end - start, 0);
const CONTENT_ID = 'demo-video';

/** Seconds that the result may differ: an AAC frame at either end is 21 ms. */
const TOLERANCE = 0.1;

/** Two clips out of a stream and a file, joined, packaged and published; followed live, then looked at with ffprobe. */
export async function captureDemo(demo: CaptureDemo): Promise<void> {
  const { engine, server, screen, checks } = demo;
  const began = new Date();
  const jobId = await engine.submit({
    workflow: 'vodcapture',
    parameters: {
      content_id: CONTENT_ID,
      output_folder: 'demo',
      clips: CLIPS.map(({ from, start, end }) => ({ source: server.url(`/source/${from}`), start, end })),
      frame_accurate: true,
      generate_mp4: true,
      rest_endpoints: [server.url('/callback')],
      custom_data: { shown_by: 'npm run demo' },
    },
  });
  const clips = CLIPS.map(({ from, start, end }) => `${start} to ${end} s of ${from}`).join(' and ');
  screen.line(`  POST /job  vodcapture: ${clips}, joined`);
  screen.line(`  accepted as job ${jobId}; from its log:`);
  screen.line();
  const view = new JobView(began);
  const job = await follow(demo, jobId, view);
  screen.line();
  checks.that(job.queue_state === 'completed' && !job.failed, `job ${jobId} is completed`, `job ${jobId} has failed`);
  if (job.failed) return;
  const callbacks = await receive(demo, jobId, view);
  const last = callbacks.find(({ status }) => status !== undefined);
  await showFiles(demo, last);
}

/** Shows the tasks and the log until the job is done. */
async function follow({ engine, screen }: CaptureDemo, jobId: string, view: JobView): Promise<JobFacts> {
  const look = async () => {
    const lines = view.update(await engine.log(jobId));
    if (screen.isLive) screen.draw(view.block());
    else screen.lines(lines);
  };
  const job = await engine.until(`the end of job ${jobId}`, 180_000, async () => {
    const now = await engine.job(jobId);
    await look();
    return ['completed', 'broken'].includes(now.queue_state) ? now : undefined;
  });
  if (screen.isLive) screen.lines(view.taskLines());
  return job;
}

/** Waits for what must come: start and end of each task, end of the job. Shows each. */
async function receive(demo: CaptureDemo, jobId: string, view: JobView): Promise<Callback[]> {
  const { engine, server, screen, checks } = demo;
  const wanted = [...view.names.flatMap((name) => [`start ${name}`, `complete ${name}`]), 'job completed'];
  const key = (callback: Callback) =>
    callback.status === undefined ? `${callback.event} ${callback.task_name}` : `job ${callback.status}`;
  const missing = () => {
    const came = new Set(server.callbacks(jobId).map(key));
    return wanted.filter((one) => !came.has(one));
  };
  await engine
    .until('every callback', 15_000, () => missing().length === 0 || undefined)
    .catch((error: Error) => {
      if (error.name === 'AbortError') throw error;
    });
  const callbacks = server.callbacks(jobId);
  const first = callbacks[0]?.receivedAt.getTime() ?? 0;
  screen.line();
  screen.line('  Callbacks received');
  screen.lines(
    columns([
      ['     time', 'event', 'task', 'status of the job'],
      ...callbacks.map(({ receivedAt, task_name, event, status }) => [
        `  ${((receivedAt.getTime() - first) / 1000).toFixed(1).padStart(5)} s`,
        event ?? '-',
        task_name ?? '-',
        status ?? '',
      ]),
    ]),
  );
  screen.line();
  checks.that(
    missing().length === 0,
    `${callbacks.length} callbacks: start and end of every task, and the job's`,
    `callbacks did not come: ${missing().join(', ')}`,
  );
  return callbacks;
}

async function showFiles({ screen, checks, tools, storage }: CaptureDemo, last: Callback | undefined): Promise<void> {
  const files = await producedFiles(tools, storage, last?.files ?? []);
  screen.line();
  screen.line(`  Files in ${join(storage, 'content/vod/demo')}`);
  screen.lines(columns([['  file', 'size', 'ffprobe'], ...files.map(tableRow)]));
  screen.line();
  const missing = files.filter(({ size }) => size === undefined);
  checks.that(files.length > 0 && missing.length === 0, 'every file that the callback names is there');
  const mp4 = files.find(({ name }) => name === `${CONTENT_ID}.mp4`)?.facts;
  const picture = `${PICTURE.width}x${PICTURE.height}`;
  checks.that(
    mp4?.video?.codec === 'h264' && `${mp4.video.width}x${mp4.video.height}` === picture && mp4.audio?.codec === 'aac',
    `the MP4 has H.264 video of ${picture} and AAC sound`,
  );
  for (const [what, seconds] of [
    ['the MP4 lasts', mp4?.duration],
    ['the HLS stream lasts', files.find(({ name }) => name.endsWith('.m3u8'))?.facts?.duration],
    ['the callback says', last?.metadata?.duration],
  ] as const) {
    const found = seconds === undefined ? 'nothing' : `${seconds.toFixed(2)} s`;
    const near = seconds !== undefined && Math.abs(seconds - ASKED_SECONDS) <= TOLERANCE;
    checks.that(near, `${what} ${found}, asked for were ${ASKED_SECONDS.toFixed(2)} s`);
  }
}

function tableRow({ name, size, what }: ProducedFile): string[] {
  return [`  ${name}`, size === undefined ? 'missing' : kilobytes(size), what];
}

const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0).padStart(5)} kB`;
