/** An image's name as an engine takes it. */
export interface ImageReference {
  /** With the registry, without tag and digest. */
  readonly name: string;
  /** The digest where there is one (a tag beside it says nothing more), else the tag, `latest` unless given. */
  readonly version: string;
  /** All of it, as `docker run` takes it. */
  readonly text: string;
}

/** The grammar of distribution/reference. The name becomes part of a URL: what does not match must not get there. */
const DOMAIN = '(?:[A-Za-z0-9][A-Za-z0-9.-]*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]+)?';
const COMPONENT = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  `^((?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9.+_-]*:[0-9A-Fa-f]{32,128}))?$`,
);

/** Longest name in characters; the longest that registries take is 255, and a tag and a digest come on top. */
const MAX_LENGTH = 512;

/**
 * `[registry[:port]/]name[:tag][@digest]`. Undefined when that is not what it is.
 */
export function parseImage(image: string): ImageReference | undefined {
  const [, name, tag, digest] = (image.length <= MAX_LENGTH && REFERENCE.exec(image)) || [];
  if (name === undefined) return undefined;
  if (digest !== undefined) return { name, version: digest, text: `${name}@${digest}` };
  return { name, version: tag ?? 'latest', text: `${name}:${tag ?? 'latest'}` };
}
