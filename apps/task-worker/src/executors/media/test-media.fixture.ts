import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The first frame of the HLS sources, as reference 4.1 F3 has it. */
export const SOURCE_BEGIN = Date.UTC(2024, 0, 1, 10, 0, 0);

const QUIET = ['-hide_banner', '-nostdin', '-v', 'error', '-y'];
/** The picture carries its frame number: left half luma = 16 + 2 x (n mod 100), right half = 16 + 2 x (n div 100). */
const NUMBERED = "geq=lum='if(lt(X,W/2),16+2*mod(N,100),16+2*mod(floor(N/100),100))':cb=128:cr=128";

export const ffmpegInstalled = ['ffmpeg', 'ffprobe'].every((program) => spawnSync(program, ['-version']).status === 0);

function ffmpeg(cwd: string, ...args: string[]): void {
  execFileSync('ffmpeg', [...QUIET, ...args], { cwd, timeout: 120_000, killSignal: 'SIGKILL' });
}

/**
 * Makes F1, F3, F4a, F7, F8 of reference 4.1 and a master with two pictures and two languages (`multi`).
 * @param length seconds of F1 and what is made of it; the reference has 60, less shows the same
 */
export function generateMedia(folder: string, length: number): void {
  const seconds = String(length);
  ffmpeg(
    folder,
    ...['-f', 'lavfi', '-i', `color=black:s=320x180:r=25:d=${seconds},format=yuv420p,${NUMBERED}`],
    ...['-f', 'lavfi', '-i', `aevalsrc='0.8*sin(2*PI*1000*t)*lt(mod(t,1),0.1)':s=48000:d=${seconds}`],
    ...[
      '-map',
      '0:v',
      '-map',
      '1:a',
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-crf',
      '12',
      '-g',
      '50',
      '-keyint_min',
      '50',
    ],
    ...['-sc_threshold', '0', '-bf', '2', '-c:a', 'aac', '-b:a', '96k', '-movflags', '+faststart', 'wm.mp4'],
  );
  const f3 = join(folder, 'f3');
  mkdirSync(f3);
  ffmpeg(
    f3,
    ...[
      '-i',
      '../wm.mp4',
      '-c',
      'copy',
      '-f',
      'hls',
      '-hls_time',
      '2',
      '-hls_list_size',
      '0',
      '-hls_segment_filename',
      's%03d.ts',
    ],
    ...['-hls_flags', 'program_date_time+independent_segments+omit_endlist', 'live.m3u8'],
  );
  let wall = SOURCE_BEGIN;
  let duration = 0;
  const lines = readFileSync(join(f3, 'live.m3u8'), 'utf8')
    .split('\n')
    .map((line) => {
      if (line.startsWith('#EXTINF:')) duration = Number(line.slice(8).replace(',', '')) * 1000;
      if (!line.startsWith('#EXT-X-PROGRAM-DATE-TIME')) return line;
      const stated = `#EXT-X-PROGRAM-DATE-TIME:${new Date(wall).toISOString()}`;
      wall += duration;
      return stated;
    });
  writeFileSync(join(f3, 'live.m3u8'), lines.join('\n'));
  const hole = lines.indexOf('s007.ts') - 2;
  writeFileSync(
    join(f3, 'f4a.m3u8'),
    [...lines.slice(0, hole), '#EXT-X-DISCONTINUITY', ...lines.slice(hole + 3)].join('\n'),
  );
  dash(folder, 'f7', ['-i', '../wm.mp4', '-map', '0'], 'id=0,streams=v id=1,streams=1');
  ffmpeg(
    folder,
    ...['-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=30:d=4', '-f', 'lavfi', '-i', 'sine=440:r=44100:d=4'],
    ...['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-ac', '2', 'ad.mp4'],
  );
  ffmpeg(
    folder,
    ...[
      '-t',
      '10',
      '-i',
      'wm.mp4',
      '-filter_complex',
      '[0:v]split[a][b];[b]scale=160:90[lo]',
      '-map',
      '[lo]',
      '-map',
      '[a]',
      '-map',
      '0:a',
    ],
    ...[
      '-map',
      '0:a',
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-crf',
      '12',
      '-g',
      '50',
      '-sc_threshold',
      '0',
      '-c:a',
      'aac',
    ],
    ...['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=fra', 'multi.mp4'],
  );
  dash(folder, 'multi', ['-i', '../multi.mp4', '-map', '0'], 'id=0,streams=v id=1,streams=2 id=2,streams=3');
  // The muxer writes no LANGUAGE, and the segments carry none.
  const master = join(folder, 'multi', 'master.m3u8');
  const named = ['eng', 'fra'].reduce(
    (text, language) => text.replace(/(TYPE=AUDIO,GROUP-ID="\w+",)(?=NAME)/, `$1LANGUAGE="${language}",`),
    readFileSync(master, 'utf8'),
  );
  writeFileSync(master, named);
}

function dash(folder: string, name: string, inputs: string[], sets: string): void {
  mkdirSync(join(folder, name));
  ffmpeg(
    join(folder, name),
    ...inputs,
    ...[
      '-c',
      'copy',
      '-f',
      'dash',
      '-seg_duration',
      '4',
      '-use_template',
      '1',
      '-use_timeline',
      '1',
      '-hls_playlist',
      '1',
    ],
    ...['-init_seg_name', 'init_$RepresentationID$.mp4', '-media_seg_name', 'seg_$RepresentationID$_$Number%05d$.m4s'],
    ...['-adaptation_sets', sets, 'manifest.mpd'],
  );
}

/** Number of every frame, read from the picture. `inputOptions` go before `-i`. */
export function frameNumbers(path: string, { stream = '0:v:0', fullRange = false } = {}): number[] {
  const range = fullRange ? 'scale=in_range=full:out_range=limited,format=yuv420p,' : '';
  const half = (x: string, file: string) =>
    `${range}crop=iw/2:ih:${x}:0,signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=${file}`;
  const [left, right] = ['left', 'right'].map((side) => `${path}.${side}.txt`) as [string, string];
  ffmpeg(
    '/',
    ...['-i', path, '-filter_complex', `[${stream}]split[a][b];[a]${half('0', left)}[l];[b]${half('iw/2', right)}[r]`],
    ...[
      '-map',
      '[l]',
      '-fps_mode',
      'passthrough',
      '-f',
      'null',
      '-',
      '-map',
      '[r]',
      '-fps_mode',
      'passthrough',
      '-f',
      'null',
      '-',
    ],
  );
  const read = (file: string) => {
    const values = [...readFileSync(file, 'utf8').matchAll(/YAVG=([\d.]+)/g)].map((match) =>
      Math.round((Number(match[1]) - 16) / 2),
    );
    rmSync(file);
    return values;
  };
  const high = read(right);
  return read(left).map((low, index) => low + 100 * (high[index] ?? 0));
}

/** Times at which sound begins after silence, seconds. */
export function beeps(path: string, stream = '0:a:0'): number[] {
  const args = [
    '-hide_banner',
    '-nostdin',
    '-i',
    path,
    '-map',
    stream,
    '-af',
    'silencedetect=n=-30dB:d=0.3',
    '-f',
    'null',
    '-',
  ];
  const { stderr } = spawnSync('ffmpeg', args, { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' });
  const ends = [...stderr.matchAll(/silence_end: ([\d.]+)/g)].map((match) => Number(match[1]));
  // At the end of the file the last silence ends too, with no sound behind it.
  const sound = facts(path).streams.find((each) => each.codec_type === 'audio');
  const length = Number(sound?.start_time) + Number(sound?.duration);
  return ends.filter((time) => time < length - 0.06);
}

export interface Facts {
  streams: {
    codec_type: string;
    codec_name: string;
    width?: number;
    height?: number;
    duration?: string;
    start_time?: string;
    channels?: number;
    tags?: { language?: string };
  }[];
  format: { duration: string; start_time: string };
}

export function facts(path: string): Facts {
  const args = ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path];
  return JSON.parse(
    execFileSync('ffprobe', args, { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' }),
  ) as Facts;
}

/** Hash of every frame: equal lists are equal pictures. */
export function pictureHashes(path: string, stream = '0:v:0'): string[] {
  const args = [...QUIET, '-i', path, '-map', stream, '-f', 'framemd5', '-'];
  const text = execFileSync('ffmpeg', args, {
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
    maxBuffer: 1e8,
  });
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

/** `[from, from + 1, ..., to]` */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
