/** Length of a name part in characters; with guid and ending a file name stays below the 255 bytes of common file systems. */
const MAX_PREFIX = 120;

/** A content id as the prefix of file names (reference 1.4). It is the client's key and may hold anything: what would make folders or odd URLs is replaced. */
export function assetPrefix(contentId: string): string {
  const name = contentId.replace(/[\u0000-\u001f\u007f/\\:*?"<>|#%]/g, '_').replace(/^\.+/, '_');
  return [...name].slice(0, MAX_PREFIX).join('') || '_';
}

export function combinedName(contentId: string, guid: string): string {
  return `${assetPrefix(contentId)}_${guid}.mp4`;
}

const GUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';

/** Matches names of combined content files of an asset. */
export function combinedPattern(contentId: string): RegExp {
  return new RegExp(`^${escaped(assetPrefix(contentId))}_${GUID}\\.mp4$`);
}

/** Matches names of active clear HLS masters of an asset. */
export function clearMasterPattern(contentId: string): RegExp {
  return new RegExp(`^${escaped(assetPrefix(contentId))}_nodrm_${GUID}\\.m3u8$`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
