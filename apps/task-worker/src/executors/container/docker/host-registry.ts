/** What is known about a host beside whether it answers this worker now. */
export interface HostState {
  /** As the configuration writes it. */
  readonly host: string;
  /** By an operator: no new runs; those that run there go on. */
  readonly blacklisted: boolean;
  /**
   * `open`: it failed too often (5 times in a row) and is left alone for a while (60 s); `half-open`: that while is over, and one process may try
   * whether it answers again.
   */
  readonly circuit: 'closed' | 'open' | 'half-open';
  /** The last failure. */
  readonly error?: string | null;
}

/**
 * What all workers know together about the hosts: the black list and a circuit breaker for each host. Hosts are named as in the configuration
 * (`host:port`, `unix:///path`). It owns the numbers (how many failures, how long) and the clock; the runtime only tells it what happened.
 */
export interface HostRegistry {
  /** In any order; one that is left out is closed and not blacklisted. */
  states(hosts: readonly string[]): Promise<HostState[]>;
  /** One more failure in a row; opens the circuit when they are too many, or when it was half-open. */
  failed(host: string, error: string): Promise<void>;
  /** Ends the row of failures and closes the circuit. Called once for every run: free for a host without failures, please. */
  succeeded(host: string): Promise<void>;
  /** True for one process only, until `failed` or `succeeded` (or, should that process die, another while): it may try a half-open host. */
  tryHalfOpen(host: string): Promise<boolean>;
}
