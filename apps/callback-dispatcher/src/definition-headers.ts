import { Database, type ClaimedDelivery } from '@task-engine/database';
import { callbackHeaders, type ClientConfigurations, type ResolvedDefinition } from '@task-engine/workflows';

/** Definitions whose callback part is kept in memory. */
const SIZE = 1_000;

type CallbackPart = Pick<ResolvedDefinition, 'callbacks'>;

/** What a job's definition and its client's configuration say about sending its callbacks. */
export class DefinitionHeaders {
  /** By digest: a definition never changes. */
  private readonly known = new Map<string, CallbackPart>();

  constructor(
    private readonly database: Database,
    private readonly clients: ClientConfigurations,
  ) {}

  /** Loads what the deliveries need, in one statement. */
  async load(deliveries: Pick<ClaimedDelivery, 'definitionDigest'>[]): Promise<void> {
    const missing = new Set(
      deliveries
        .map((delivery) => delivery.definitionDigest)
        .filter((digest) => digest !== null)
        .filter((digest) => !this.known.has(digest)),
    );
    if (missing.size === 0) return;
    for (const { digest, body } of await this.database.stores.definitions.find([...missing])) {
      if (this.known.size >= SIZE) this.known.delete(this.known.keys().next().value!);
      this.known.set(digest, { callbacks: (body as unknown as ResolvedDefinition).callbacks });
    }
  }

  /** Extra headers, secrets filled in: neither store nor log them. */
  headers({ definitionDigest, client }: ClaimedDelivery): Record<string, string> {
    const definition = this.known.get(definitionDigest ?? '');
    return definition ? callbackHeaders(definition as ResolvedDefinition, this.clients.for(client)) : {};
  }

  /** Seconds for one try, where the definition has a limit of its own. */
  timeoutSeconds({ definitionDigest }: ClaimedDelivery): number | undefined {
    return this.known.get(definitionDigest ?? '')?.callbacks.timeout;
  }
}
