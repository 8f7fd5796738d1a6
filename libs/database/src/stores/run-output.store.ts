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

/** What runs have written, in pieces that are never changed. */
export class RunOutputStore {
  constructor(private readonly sql: Sql) {}

  /** Adds pieces behind `seq`, if the lease is still held. @returns false when it is not */
  async append(jobId: string, { executionId, token }: Lease, seq: number, pieces: NewOutput[]): Promise<boolean> {
    const rows = await this.sql.query(
      `INSERT INTO run_output (job_id, seq, stream, bytes, text)
       SELECT $1, $2 + n.n, n.stream, n.bytes, n.text
       FROM unnest($5::text[], $6::int[], $7::text[]) WITH ORDINALITY AS n (stream, bytes, text, n)
       WHERE EXISTS (SELECT FROM execution e WHERE e.id = $3 AND e.token = $4 AND e.state = 'running' FOR KEY SHARE)
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
    return rows.length === pieces.length;
  }

  /** In order. @param limit characters after which no further piece is taken */
  async after(jobId: string, seq: number, limit: number): Promise<OutputPieceRow[]> {
    return this.sql.query<OutputPieceRow>(
      `SELECT seq, stream, text FROM (
         SELECT seq, stream, text, sum(length(text)) OVER (ORDER BY seq) - length(text) AS before
         FROM (SELECT seq, stream, text FROM run_output WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT 1000) next
       ) sized WHERE before < $3 ORDER BY seq`,
      [jobId, seq, limit],
    );
  }

  /** Both streams of runs, whole. */
  async whole(jobIds: string[]): Promise<Map<string, Record<OutputStream, string>>> {
    const outputs = new Map(jobIds.map((id) => [id, { stdout: '', stderr: '' }]));
    if (jobIds.length === 0) return outputs;
    const rows = await this.sql.query<{ jobId: string; stream: OutputStream; text: string }>(
      `SELECT job_id AS "jobId", stream, string_agg(text, '' ORDER BY seq) AS text FROM run_output
       WHERE job_id = ANY($1::bigint[]) GROUP BY job_id, stream`,
      [bigints(jobIds)],
    );
    for (const { jobId, stream, text } of rows) outputs.get(jobId)![stream] = text;
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
