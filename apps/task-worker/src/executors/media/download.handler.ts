import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import type { OutboundHttp } from '@task-engine/platform';
import type { ExecutionContext, Executor } from '../executor';
import { handler } from '../handler';
import { inParallel } from '../in-parallel';
import { LocalRoot } from '../storage/local-root';
import { inWorkDir, readDocument } from '../work-files';
import { allSegments, clipFile, mapFile, mapsOf, segmentFile, type CapturePlan } from './capture-plan';
import type { Resource } from './hls-playlist';
import { SourceReader, type SourceLimits } from './source-reader';

const PARALLEL_DOWNLOADS = 4;
const STEP_PERCENT = 10;

export const planReference = z.looseObject({
  plan: z.string(),
  storage: z.string().optional(),
  input_root: z.string().optional(),
});

/** `capture.download`: fetches what the plan names, each file once; a repeated try goes on where the earlier one stopped. */
export function downloadHandler(outbound: OutboundHttp, limits: SourceLimits): Executor {
  return handler(
    'builtin:capture.download',
    z.object({ plan: planReference }),
    async ({ plan: reference }, context) => {
      const plan = await readDocument<CapturePlan>(context.workDir, reference.plan);
      const root =
        reference.storage && reference.input_root
          ? await openInput(reference.storage, reference.input_root, context)
          : null;
      const reader = new SourceReader(outbound, limits, context, root);
      const wanted = [...filesOf(plan)];
      await mkdir(inWorkDir(context.workDir, 'segments'), { recursive: true });
      let done = 0;
      let bytes = 0;
      let logged = 0;
      await inParallel(wanted, PARALLEL_DOWNLOADS, context.signal, async ([file, resource], signal) => {
        bytes += await reader.fetch(resource, inWorkDir(context.workDir, file), signal);
        done += 1;
        const percent = Math.floor((done / wanted.length) * 100);
        if (percent < logged + STEP_PERCENT && done < wanted.length) return;
        logged = percent;
        context.log(
          'INFO',
          `${context.taskName}: ${percent} % (${done} of ${wanted.length} files, ${megabytes(bytes)} MB)`,
        );
      });
      return { segments: { plan: reference.plan, files: wanted.length, bytes } };
    },
  );
}

/** Every file the plan needs, with where it comes from. */
function filesOf(plan: CapturePlan): Map<string, Resource> {
  const files = new Map<string, Resource>();
  plan.clips.forEach((clip, index) => {
    if (clip.kind === 'file') {
      files.set(clipFile(index), clip.resource);
      return;
    }
    clip.streams.forEach((_, stream) => {
      mapsOf(clip, stream).forEach((map, position) => files.set(mapFile(index, stream, position), map));
      for (const run of clip.runs) {
        for (const segment of allSegments(run.streams[stream] ?? null))
          files.set(segmentFile(index, stream, segment), segment);
      }
    });
  });
  return files;
}

async function openInput(storage: string, key: string, context: ExecutionContext): Promise<LocalRoot> {
  return LocalRoot.open(context.clientConfiguration, storage, key, (line) => context.log('INFO', line));
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
