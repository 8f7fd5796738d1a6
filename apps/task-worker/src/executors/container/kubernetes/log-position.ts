/** So many bytes of its beginning tell one log from another. */
const HEAD_BYTES = 4_096;

/** What the kubelet answers, as if the command had written it, for a container that it has removed. */
const NO_LOG = Buffer.from('unable to retrieve container logs for ');

/**
 * How far a log has been handed over. It can be read from its beginning only, so each reading leaves out what is known.
 *
 * A node keeps a log in files of limited size (10 MiB unless it is told otherwise) and answers the newest of them: after a turn of files a reading
 * begins somewhere in the middle, which shows in its first bytes. Then all of it is handed over: what of it is known cannot be told, and lines that
 * come twice are better than lines that are lost.
 */
export class LogPosition {
  private head: Buffer = Buffer.alloc(0);

  /** @param known bytes that were handed over before, by another worker */
  constructor(private known: number) {}

  /** A reading from the beginning. Answers for each chunk what of it is new. */
  reading(): (chunk: Buffer) => Buffer[] {
    let at = 0;
    let over = false;
    return (chunk) => {
      if (over) return [];
      const from = at;
      at += chunk.length;
      if (!this.continuesHead(chunk, from)) {
        over = from === 0 && chunk.subarray(0, NO_LOG.length).equals(NO_LOG);
        return over ? [] : this.beginAnew(chunk, from);
      }
      const skipped = Math.max(0, this.known - from);
      if (skipped >= chunk.length) return [];
      this.known = at;
      return [chunk.subarray(skipped)];
    };
  }

  private continuesHead(chunk: Buffer, from: number): boolean {
    const compared = Math.max(0, Math.min(this.head.length - from, chunk.length));
    const same = chunk.subarray(0, compared).equals(this.head.subarray(from, from + compared));
    if (same && from + compared === this.head.length) {
      const more = chunk.subarray(compared, compared + HEAD_BYTES - this.head.length);
      if (more.length > 0) this.head = Buffer.concat([this.head, more]);
    }
    return same;
  }

  /** The part before the chunk was taken for known: it was the same as the old log's. */
  private beginAnew(chunk: Buffer, from: number): Buffer[] {
    const before = this.head.subarray(0, from);
    this.head = Buffer.concat([before, chunk]).subarray(0, HEAD_BYTES);
    this.known = from + chunk.length;
    return before.length > 0 ? [before, chunk] : [chunk];
  }
}
