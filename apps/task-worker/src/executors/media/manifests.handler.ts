import { readFile, stat, writeFile } from 'node:fs/promises';
import { XMLParser } from 'fast-xml-parser';
import { TaskFailure } from '@task-engine/domain';
import { z } from 'zod';
import type { Executor } from '../executor';
import { handler } from '../handler';
import { asOutput, inWorkDir, stableGuid, writeInPlace, type AssetFile } from '../work-files';
import { assetPrefix } from './asset-names';
import { packagedMedia, type PackagedMedia } from './package.handler';
import { rateOf } from './track-facts';

const schema = z.object({
  media: packagedMedia,
  content_id: z.string().min(1),
  copy_ts: z.boolean().default(false),
  wall_clock: z.string().nullish(),
});

/** Bits per second of one media playlist. */
interface Bandwidth {
  peak: number;
  average: number;
}

/**
 * `manifests.write`: HLS master, HLS media playlists and MPD of the clear set under their active names (reference 1.4, 2.1). Wall clock
 * times are in them only with copy_ts, and then they are the source's.
 */
export function manifestsHandler(): Executor {
  return handler(
    'builtin:manifests.write',
    schema,
    async ({ media, content_id: contentId, copy_ts: copyTs, wall_clock }, context) => {
      const clock = copyTs && wall_clock ? wall_clock : null;
      if (copyTs && !clock) context.log('WARN', 'copy_ts: the source has no wall clock, none is written');
      const name = `${assetPrefix(contentId)}_nodrm_${await stableGuid(context.workDir, 'manifest')}`;
      const files: AssetFile[] = [];
      const add = async (target: string, role: AssetFile['role'], text: string): Promise<void> => {
        const path = `manifests/${target}`;
        await writeInPlace(inWorkDir(context.workDir, path), context.executionId, (temporary) =>
          writeFile(temporary, text),
        );
        files.push({ path, name: target, role });
      };
      const bandwidths: Bandwidth[] = [];
      for (const index of media.tracks.keys()) {
        const folder = inWorkDir(context.workDir, media.work_folder);
        const playlist = await readFile(`${folder}/media_${index}.m3u8`, 'utf8');
        bandwidths.push(await bandwidthOf(folder, playlist));
        await add(`${media.target_folder}/media_${index}.m3u8`, 'side', mediaPlaylist(playlist, clock));
      }
      const mpd = await readFile(inWorkDir(context.workDir, media.mpd), 'utf8');
      await add(`${name}.mpd`, 'manifest', dashManifest(mpd, media.target_folder, clock));
      await add(`${name}.m3u8`, 'manifest', masterPlaylist(media, codecsOf(mpd), bandwidths));
      context.log('INFO', `Active manifest: ${name}.m3u8`);
      return { active_manifest: `${name}.m3u8`, files: asOutput(files) };
    },
  );
}

/** The muxer's media playlist without the packaging time, and with the source's clock when there is one. */
export function mediaPlaylist(text: string, clock: string | null): string {
  const lines = text.split('\n').filter((line) => !line.startsWith('#EXT-X-PROGRAM-DATE-TIME'));
  const first = lines.findIndex((line) => line.startsWith('#EXTINF'));
  if (clock && first >= 0) lines.splice(first, 0, `#EXT-X-PROGRAM-DATE-TIME:${clock}`);
  return lines.join('\n');
}

/** The muxer's MPD, standing above its segments. */
export function dashManifest(text: string, folder: string, clock: string | null): string {
  const based = text.replace('</ProgramInformation>', `</ProgramInformation>\n\t<BaseURL>${folder}/</BaseURL>`);
  if (!based.includes('<BaseURL>')) throw new TaskFailure('write_manifests: unexpected MPD', { retryable: false });
  if (!clock) return based;
  let id = 0;
  return based.replace(/<AdaptationSet [^>]*>/g, (tag) => {
    id += 1;
    return `${tag}\n\t\t\t<ProducerReferenceTime id="${id}" type="captured" wallClockTime="${clock}" presentationTime="0" />`;
  });
}

/** RFC 6381 codec strings by representation, as the muxer derived them from the streams. */
function codecsOf(mpd: string): string[] {
  interface Representation {
    id: string;
    codecs?: string;
  }
  const always = new Set(['Period', 'AdaptationSet', 'Representation']);
  const parser = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', isArray: (tag) => always.has(tag) });
  const document = parser.parse(mpd) as {
    MPD?: { Period?: { AdaptationSet?: { Representation?: Representation[] }[] }[] };
  };
  const codecs: string[] = [];
  for (const set of document.MPD?.Period?.[0]?.AdaptationSet ?? []) {
    for (const { id, codecs: text } of set.Representation ?? []) codecs[Number(id)] = text ?? '';
  }
  return codecs;
}

function masterPlaylist(media: PackagedMedia, codecs: string[], bandwidths: Bandwidth[]): string {
  const tracks = media.tracks.map((track, index) => ({
    ...track,
    index,
    codecs: codecs[index] ?? '',
    bandwidth: bandwidths[index] as Bandwidth,
  }));
  const audio = tracks.filter((track) => track.type === 'audio');
  const video = tracks.filter((track) => track.type === 'video');
  const names = uniqueNames(audio.map((track) => track.name ?? track.language));
  const uri = (index: number) => `${media.target_folder}/media_${index}.m3u8`;
  const lines = ['#EXTM3U', '#EXT-X-VERSION:7', '#EXT-X-INDEPENDENT-SEGMENTS'];
  audio.forEach((track, place) => {
    lines.push(
      `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="${quotable(names[place] ?? '')}",LANGUAGE="${quotable(track.language)}",` +
        `DEFAULT=${place === 0 ? 'YES' : 'NO'},AUTOSELECT=YES,CHANNELS="${track.channels}",URI="${uri(track.index)}"`,
    );
  });
  // A variant plays with any of the sounds, so the largest counts.
  const peakAudio = Math.max(0, ...audio.map((track) => track.bandwidth.peak));
  const averageAudio = Math.max(0, ...audio.map((track) => track.bandwidth.average));
  for (const track of video) {
    const all = [track.codecs, ...new Set(audio.map((sound) => sound.codecs))].filter((text) => text !== '').join(',');
    const rate = rateOf(track.frame_rate ?? '');
    lines.push(
      `#EXT-X-STREAM-INF:BANDWIDTH=${track.bandwidth.peak + peakAudio},AVERAGE-BANDWIDTH=${track.bandwidth.average + averageAudio},` +
        `CODECS="${quotable(all)}",RESOLUTION=${track.width}x${track.height}${rate > 0 ? `,FRAME-RATE=${rate.toFixed(3)}` : ''}` +
        `${audio.length > 0 ? ',AUDIO="audio"' : ''}`,
      uri(track.index),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Peak and average of the segments as they lie on the disk. */
async function bandwidthOf(folder: string, playlist: string): Promise<Bandwidth> {
  let seconds = 0;
  let bytes = 0;
  let peak = 0;
  let duration = 0;
  for (const line of playlist.split('\n')) {
    const given = /^#EXTINF:([\d.]+)/.exec(line);
    if (given) duration = Number(given[1]);
    if (line === '' || line.startsWith('#')) continue;
    const { size } = await stat(`${folder}/${line}`);
    seconds += duration;
    bytes += size;
    // A last segment of a few frames says nothing about the rate.
    if (duration >= 0.5) peak = Math.max(peak, (size * 8) / duration);
  }
  const average = seconds > 0 ? (bytes * 8) / seconds : 0;
  return { peak: Math.ceil(Math.max(peak, average)), average: Math.ceil(average) };
}

/** Renditions of a group must not share a name. */
function uniqueNames(names: string[]): string[] {
  return names.map((name, index) => (names.indexOf(name) === index ? name : `${name} ${index + 1}`));
}

/** A quoted string of a playlist cannot hold a quote or a line break. */
function quotable(text: string): string {
  return text.replace(/["\r\n]/g, ' ');
}
