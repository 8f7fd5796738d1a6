import type { Client } from 'pg';

/** One node of a plan as EXPLAIN (FORMAT JSON) gives it. */
interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: PlanNode[];
}

/** What one statement of a store did. */
export interface Statement {
  text: string;
  /** Tables that were read from end to end. */
  scanned: string[];
  /** Indexes that were used. */
  indexes: string[];
  /** Rows that scans looked at, those thrown away included. */
  visited: number;
}

/** An `Sql` for stores that keeps the plan of every statement, with its real parameters and its real run. */
export class PlanRecorder {
  readonly statements: Statement[] = [];

  constructor(private readonly client: Client) {}

  async query<Row>(text: string, parameters: unknown[] = []): Promise<Row[]> {
    // once for the plan, taken back, once for the caller
    await this.client.query('SAVEPOINT explained');
    const { rows } = await this.client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      parameters,
    );
    await this.client.query('ROLLBACK TO explained');
    this.statements.push(read(text, rows[0]!['QUERY PLAN'][0]!.Plan));
    return (await this.client.query(text, parameters)).rows as Row[];
  }

  prepared<Row>(text: string, parameters?: unknown[]): Promise<Row[]> {
    return this.query(text, parameters);
  }
}

function read(text: string, root: PlanNode): Statement {
  const nodes: PlanNode[] = [];
  const collect = (node: PlanNode) => {
    nodes.push(node);
    node.Plans?.forEach(collect);
  };
  collect(root);
  const isScan = ({ 'Node Type': type }: PlanNode) => type.endsWith('Scan');
  return {
    text,
    scanned: nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name']!),
    indexes: nodes.flatMap((node) => node['Index Name'] ?? []),
    visited: nodes
      .filter(isScan)
      .reduce(
        (sum, node) =>
          sum +
          node['Actual Loops'] *
            (node['Actual Rows'] +
              (node['Rows Removed by Filter'] ?? 0) +
              (node['Rows Removed by Index Recheck'] ?? 0)),
        0,
      ),
  };
}
