import { GRAPH_LANE } from './graph-lane.store';

/** The queues of graph tasks: one for any worker, and one for each set of worker tags. `execution_shell_worker` is an index of just these. */
export const isGraphQueue = (column: string) => `${column} LIKE 'shell%'`;

/** The lanes in which graph tasks wait. */
export const GRAPH_LANES = `(SELECT id FROM lane WHERE name = '${GRAPH_LANE}' OR starts_with(name, '${GRAPH_LANE}/'))`;
