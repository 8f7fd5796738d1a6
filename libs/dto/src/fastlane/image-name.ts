const HOST = String.raw`[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?)*`;
const REGISTRY = String.raw`(?:${HOST}|\[[0-9A-Fa-f:]{2,39}\])(?::\d{1,5})?`;
const PART = String.raw`[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*`;
const TAG = String.raw`\w[\w.-]{0,127}`;
const DIGEST = String.raw`[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,128}`;

const IMAGE = new RegExp(`^(?:${REGISTRY}/)?${PART}(?:/${PART})*(?::${TAG})?(?:@${DIGEST})?$`);

/** `[registry[:port]/]name[:tag][@digest]`, as every container engine writes it. */
export function isImageName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 512 && IMAGE.test(value);
}
