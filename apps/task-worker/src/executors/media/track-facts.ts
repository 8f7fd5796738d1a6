import type { Run, RunTrack } from './capture-runs';
import type { Probed, ProbedStream } from './ffmpeg';

/** Real pictures: a cover image is a video stream too. */
export function videoStreams(probed: Probed): ProbedStream[] {
  return probed.streams.filter(
    (stream) => stream.codec_type === 'video' && !stream.disposition?.attached_pic && (stream.width ?? 0) > 0,
  );
}

export function audioStreams(probed: Probed): ProbedStream[] {
  return probed.streams.filter((stream) => stream.codec_type === 'audio' && Number(stream.sample_rate ?? 0) > 0);
}

/** Decimal seconds of ffprobe as microseconds; null for `N/A` and absent values. */
export function probedUs(value: string | undefined): number | null {
  const seconds = value === undefined ? NaN : Number(value);
  return Number.isFinite(seconds) ? Math.round(seconds * 1e6) : null;
}

export function trackOf(
  stream: ProbedStream,
  inputIndex: number,
  given: { language: string | null; name: string | null },
): RunTrack {
  const turned =
    Math.abs((stream.side_data_list ?? []).find((data) => data.rotation !== undefined)?.rotation ?? 0) % 180 === 90;
  const size = [stream.width ?? 0, stream.height ?? 0];
  const [width, height] = (turned ? size.reverse() : size) as [number, number];
  return {
    input: inputIndex,
    stream: stream.index,
    language: given.language ?? stream.tags?.language ?? null,
    name: given.name,
    codec: stream.codec_name ?? 'unknown',
    signature: [
      stream.codec_name,
      stream.profile,
      stream.width,
      stream.height,
      stream.pix_fmt,
      stream.sample_rate,
      stream.channels,
      stream.extradata_hash,
    ].join('|'),
    width,
    height,
    frameRate: stream.codec_type === 'video' ? frameRateOf(stream) : null,
    pixelAspect: /^[1-9]\d*:[1-9]\d*$/.test(stream.sample_aspect_ratio ?? '')
      ? (stream.sample_aspect_ratio as string)
      : '1:1',
  };
}

/** The nominal rate; a time base in its place (90000/1) means the container states none, then the average counts. */
function frameRateOf(stream: ProbedStream): string {
  for (const rate of [stream.r_frame_rate, stream.avg_frame_rate]) {
    const value = rateOf(rate ?? '');
    if (value >= 1 && value <= 120) return rate as string;
  }
  return '25/1';
}

/** `30000/1001` as a number; 0 for anything else. */
export function rateOf(rate: string): number {
  const [numerator, denominator] = rate.split('/').map(Number);
  const value = (numerator ?? 0) / (denominator ?? 1);
  return Number.isFinite(value) ? value : 0;
}

const THREE_LETTERS: Readonly<Record<string, string>> = {
  ar: 'ara', bg: 'bul', bn: 'ben', ca: 'cat', cs: 'cze', cy: 'wel', da: 'dan', de: 'ger', el: 'gre', en: 'eng', es: 'spa', et: 'est',
  eu: 'baq', fa: 'per', fi: 'fin', fr: 'fre', ga: 'gle', gl: 'glg', he: 'heb', hi: 'hin', hr: 'hrv', hu: 'hun', id: 'ind', is: 'ice',
  it: 'ita', ja: 'jpn', ko: 'kor', lt: 'lit', lv: 'lav', ms: 'may', mt: 'mlt', nb: 'nob', nl: 'dut', nn: 'nno', no: 'nor', pl: 'pol',
  pt: 'por', ro: 'rum', ru: 'rus', sk: 'slo', sl: 'slv', sq: 'alb', sr: 'srp', sv: 'swe', ta: 'tam', te: 'tel', th: 'tha', tr: 'tur',
  uk: 'ukr', ur: 'urd', vi: 'vie', zh: 'chi',
}; // prettier-ignore

/** ISO 639-2/B code, which is what an MP4 track can hold, of an HLS LANGUAGE (`en`, `en-GB`, `eng`); `und` when unknown. */
export function trackLanguage(language: string | null): string {
  const primary = (language ?? '').toLowerCase().split(/[-_]/)[0] ?? '';
  if (/^[a-z]{3}$/.test(primary)) return primary;
  return THREE_LETTERS[primary] ?? 'und';
}

/** Language and title of each audio track, from the first run that has it. */
export function languages(runs: readonly Run[], audioCount: number): string[] {
  const tracks = runs.reduce((most, run) => (run.audio.length > most.length ? run.audio : most), [] as Run['audio']);
  return Array.from({ length: audioCount }, (_, index) => index).flatMap((index) => {
    const track = tracks[index];
    const title = track?.name ? [`-metadata:s:a:${index}`, `handler_name=${track.name}`] : [];
    return [`-metadata:s:a:${index}`, `language=${trackLanguage(track?.language ?? null)}`, ...title];
  });
}
