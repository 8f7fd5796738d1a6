/** Worker queue of executions that pull workers hold: no worker of the engine serves it, and none of its sweeps looks after them. */
export const PULL_QUEUE = 'pull';
