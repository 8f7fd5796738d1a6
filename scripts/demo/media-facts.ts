import { runCommand } from '../local/commands';
import type { MediaTools } from '../local/media-tools';

/** What ffprobe finds in a file. */
export interface MediaFacts {
  /** Seconds; undefined for pictures. */
  duration?: number;
  video?: { codec: string; width: number; height: number; framesPerSecond: number };
  audio?: { codec: string; sampleRate: number };
}

interface Probed {
  format?: { duration?: string; format_name?: string };
  streams?: {
    codec_type: string;
    codec_name: string;
    width?: number;
    height?: number;
    avg_frame_rate?: string;
    sample_rate?: string;
  }[];
}

const ENTRIES = 'format=duration,format_name:stream=codec_type,codec_name,width,height,avg_frame_rate,sample_rate';

/** @returns undefined when ffprobe cannot read the file as media */
export async function mediaFacts({ ffprobe }: MediaTools, file: string): Promise<MediaFacts | undefined> {
  const { code, stdout } = await runCommand(ffprobe, ['-v', 'error', '-show_entries', ENTRIES, '-of', 'json', file]);
  if (code !== 0) return undefined;
  const { format, streams = [] } = JSON.parse(stdout) as Probed;
  const video = streams.find((stream) => stream.codec_type === 'video');
  const audio = streams.find((stream) => stream.codec_type === 'audio');
  const [frames = 0, seconds = 1] = (video?.avg_frame_rate ?? '').split('/').map(Number);
  const isPicture = format?.format_name?.includes('image') ?? false;
  return {
    duration: isPicture || format?.duration === undefined ? undefined : Number(format.duration),
    video: video && {
      codec: video.codec_name,
      width: video.width ?? 0,
      height: video.height ?? 0,
      framesPerSecond: isPicture ? 0 : frames / seconds,
    },
    audio: audio && { codec: audio.codec_name, sampleRate: Number(audio.sample_rate) },
  };
}

/** In one line, as a reader of the demo sees it. */
export function describeFacts({ duration, video, audio }: MediaFacts): string {
  const rate = video?.framesPerSecond ? ` ${Number(video.framesPerSecond.toFixed(2))} fps` : '';
  return [
    duration === undefined ? undefined : `${duration.toFixed(2)} s`,
    video && `${video.codec} ${video.width}x${video.height}${rate}`,
    audio && `${audio.codec} ${audio.sampleRate / 1000} kHz`,
  ]
    .filter(Boolean)
    .join(', ');
}
