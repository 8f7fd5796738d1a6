import { callbacks } from './callbacks';
import { containers } from './containers';
import { drain } from './drain';
import { faultedDrain } from './faulted-drain';
import { executions } from './executions';
import type { Benchmark, Scale } from './harness/benchmark';
import { graph } from './graph';
import { latency } from './latency';
import { liveOutput } from './live-output';
import { memory } from './memory';
import { pull } from './pull';
import { punctuality } from './punctuality';
import { submit } from './submit';

/** All benchmarks in the order in which they run. */
export function benchmarks(scale: Scale): Benchmark[] {
  return [
    submit(scale),
    drain(scale),
    latency(scale),
    punctuality(scale),
    executions(scale),
    containers(scale),
    callbacks(scale),
    liveOutput(scale),
    faultedDrain(scale),
    pull(scale),
    graph(scale),
    memory(scale),
  ];
}
