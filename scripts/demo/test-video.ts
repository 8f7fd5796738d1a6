import { mkdir, rm } from 'node:fs/promises';
import { runCommand } from '../local/commands';
import { LocalError } from '../local/local-error';
import type { MediaTools } from '../local/media-tools';

export const PICTURE = { width: 640, height: 360, framesPerSecond: 25 } as const;

/** Seconds of the test video. */
export const VIDEO_SECONDS = 20;

/** Names under which the test video lies in its folder. */
export const VIDEO = { mp4: 'source.mp4', hls: 'source.m3u8' } as const;

/**
 * Makes a moving picture with its time burnt in (testsrc2 draws it itself, no font needed) and a tone with a beep each second, as an MP4
 * and as an HLS stream in segments of 2 s.
 * @throws LocalError with ffmpeg's words
 */
export async function makeTestVideo({ ffmpeg }: MediaTools, folder: string, signal: AbortSignal): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { width, height, framesPerSecond } = PICTURE;
  const run = async (...args: string[]) => {
    const { code, stderr } = await runCommand(ffmpeg, ['-nostdin', '-v', 'error', '-y', ...args], {
      cwd: folder,
      signal,
      timeout: 120_000,
    });
    signal.throwIfAborted();
    if (code !== 0) throw new LocalError(`ffmpeg could not make the test video: ${stderr.trim().slice(-500)}`);
  };
  await run(
    ...['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${framesPerSecond}`],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:beep_factor=4:sample_rate=48000'],
    ...['-t', String(VIDEO_SECONDS), '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p'],
    ...['-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-c:a', 'aac', '-ac', '2', '-movflags', '+faststart'],
    VIDEO.mp4,
  );
  await run('-i', VIDEO.mp4, '-c', 'copy', '-f', 'hls', '-hls_time', '2', '-hls_playlist_type', 'vod', VIDEO.hls);
}
