import { callbacks } from './callbacks';
import { drain } from './drain';
import { faultedDrain } from './faulted-drain';
import type { Benchmark, Scale } from './harness/benchmark';
import { latency } from './latency';
import { memory } from './memory';
import { punctuality } from './punctuality';
import { submit } from './submit';

/** All benchmarks in the order in which they run. */
export function benchmarks(scale: Scale): Benchmark[] {
  return [
    submit(scale),
    drain(scale),
    latency(scale),
    punctuality(scale),
    callbacks(scale),
    faultedDrain(scale),
    memory(scale),
  ];
}
