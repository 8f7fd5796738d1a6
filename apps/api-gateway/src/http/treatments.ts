import type { IncomingMessage } from 'node:http';
import { ownListenerOf } from './own-listener';

/** How a dialect treats a request: the controller at `url` serves it, or it is answered before any could. */
export type Treated = { kind: 'serve'; url: string } | { kind: string };

/** What a dialect answers to a request that the server could not read. */
export type Unreadable = (status: number, message: string) => { type: string; body: string };

/** How a dialect with rules of its own for addresses treats a request; undefined for requests of others. */
export interface AddressRule {
  readonly dialect: string;
  /**
   * @param own it came by the dialect's own listener
   * @returns where the request is served
   */
  address(request: IncomingMessage, own: boolean): string | undefined;
  readonly unreadable: Unreadable;
}

/** An address that nobody serves. */
const NOWHERE = '/-';

/** What a dialect decided about its requests at their arrival, before the server's router saw their addresses. */
export class Treatments<T extends Treated> {
  private readonly decided = new WeakMap<IncomingMessage, T>();

  /** @param dialect as its own listener is named */
  constructor(
    readonly dialect: string,
    private readonly unreadable: Unreadable,
  ) {}

  /** @param treat undefined for requests of other dialects */
  rule(treat: (method: string, url: string, own: boolean) => T | undefined): AddressRule {
    return {
      dialect: this.dialect,
      unreadable: this.unreadable,
      address: (request, own) => {
        const treatment = treat(request.method ?? '', request.url ?? '/', own);
        if (!treatment) return undefined;
        this.decided.set(request, treatment);
        return 'url' in treatment ? treatment.url : NOWHERE;
      },
    };
  }

  /** Undefined for requests of other dialects. */
  of(request: IncomingMessage): T | undefined {
    return this.decided.get(request);
  }
}

/** Where a request is served by the first rule that knows it; a listener of a dialect's own asks this dialect alone. */
export function servedAddress(rules: readonly AddressRule[], request: IncomingMessage): string | undefined {
  const own = ownListenerOf(request);
  for (const rule of rules) {
    if (own !== undefined && own !== rule.dialect) continue;
    const address = rule.address(request, own !== undefined);
    if (address !== undefined) return address;
  }
  return undefined;
}
