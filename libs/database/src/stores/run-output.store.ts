import type { OutputStream } from '@task-engine/domain';
import { bigints, type Sql } from '../sql';
import type { Lease } from './execution.store';

export interface OutputPieceRow {
  seq: number;
  stream: OutputStream;
  text: string;
}

export interface NewOutput {
  stream: OutputStream;
  /** Of the output as it was written. */
  bytes: number;
  /** The same as valid UTF-8 without NUL. */
  text: string;
}

/** What a run wrote to one of its streams, as far as it was asked for. */
export interface KeptText {
  /** Of all of it, as UTF-8. */
  octets: number;
  /** Its end. */
  text: string;
}

/** Pieces in one answer at most. */
const PIECES = 1_000;

/** What runs have written, in pieces that are never changed. */
export class RunOutputStore {
  constructor(private readonly sql: Sql) {}

  /**
   * Adds pieces behind `seq`, if the lease is still held. The lock keeps the lease from running out under them, so that who takes the run over
   * sees them, and nobody else can have added pieces of these numbers: they are these, whose answer was lost.
   * @returns false when it is not held
   */
  async append(jobId: string, { executionId, token }: Lease, seq: number, pieces: NewOutput[]): Promise<boolean> {
    const adding = this.sql.query(
      `INSERT INTO run_output (job_id, seq, stream, bytes, text)
       SELECT $1, $2 + n.n, n.stream, n.bytes, n.text
       FROM unnest($5::text[], $6::int[], $7::text[]) WITH ORDINALITY AS n (stream, bytes, text, n)
       WHERE EXISTS (SELECT FROM execution e WHERE e.id = $3 AND e.token = $4 AND e.state = 'running' FOR SHARE)
       RETURNING seq`,
      [
        jobId,
        seq,
        executionId,
        token,
        pieces.map((piece) => piece.stream),
        pieces.map((piece) => piece.bytes),
        pieces.map((piece) => piece.text),
      ],
    );
    try {
      return (await adding).length === pieces.length;
    } catch (error) {
      if (isThere(error)) return true;
      throw error;
    }
  }

  /** In order. @param limit bytes after which no further piece is taken @param stream the pieces of this one alone */
  async after(jobId: string, seq: number, limit: number, stream?: OutputStream): Promise<OutputPieceRow[]> {
    return this.sql.query<OutputPieceRow>(
      // sizes first: a text that is not wanted is not read
      `SELECT o.seq, o.stream, o.text FROM (
         SELECT seq, sum(bytes) OVER (ORDER BY seq) - bytes AS before
         FROM (SELECT seq, bytes FROM run_output WHERE job_id = $1 AND seq > $2 AND ($4::text IS NULL OR stream = $4)
               ORDER BY seq LIMIT ${PIECES}) next
       ) sized JOIN run_output o ON o.job_id = $1 AND o.seq = sized.seq WHERE sized.before < $3 ORDER BY o.seq`,
      [jobId, seq, limit, stream ?? null],
    );
  }

  /** The ends of both streams of runs, in whole pieces: at least `octets` of each, where there are so many, and no piece more. */
  async ends(jobIds: string[], octets: number): Promise<Map<string, Record<OutputStream, KeptText>>> {
    const nothing = { octets: 0, text: '' };
    const outputs = new Map(jobIds.map((id) => [id, { stdout: nothing, stderr: nothing }]));
    if (jobIds.length === 0) return outputs;
    const rows = await this.sql.query<{ jobId: string; stream: OutputStream; octets: string; text: string }>(
      // sizes first: a text that is not wanted is not read
      `SELECT o.job_id AS "jobId", o.stream, max(sized.octets) AS octets, string_agg(o.text, '' ORDER BY o.seq) AS text FROM (
         SELECT job_id, seq, sum(octets) OVER (PARTITION BY job_id, stream) AS octets,
                sum(octets) OVER (PARTITION BY job_id, stream ORDER BY seq DESC) - octets AS behind
         FROM (SELECT job_id, stream, seq, octet_length(text) AS octets FROM run_output WHERE job_id = ANY($1::bigint[]) OFFSET 0) pieces
       ) sized JOIN run_output o USING (job_id, seq) WHERE sized.behind < $2 GROUP BY o.job_id, o.stream`,
      [bigints(jobIds), octets],
    );
    for (const { jobId, stream, octets: all, text } of rows)
      outputs.get(jobId)![stream] = { octets: Number(all), text };
    return outputs;
  }

  /** How far the output of a run has been kept: where a worker that takes it over goes on. */
  async kept(jobId: string): Promise<{ seq: number; bytes: Record<OutputStream, number> }> {
    const [row] = await this.sql.query<{ seq: number; stdout: string; stderr: string }>(
      `SELECT COALESCE(max(seq), 0) AS seq, COALESCE(sum(bytes) FILTER (WHERE stream = 'stdout'), 0) AS stdout,
              COALESCE(sum(bytes) FILTER (WHERE stream = 'stderr'), 0) AS stderr FROM run_output WHERE job_id = $1`,
      [jobId],
    );
    return { seq: row!.seq, bytes: { stdout: Number(row!.stdout), stderr: Number(row!.stderr) } };
  }
}

function isThere(error: unknown): boolean {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === '23505' && constraint === 'run_output_pkey';
}
