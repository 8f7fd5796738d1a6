export type OutboundErrorKind = 'blocked' | 'timeout' | 'failed' | 'aborted';

/** What `OutboundHttp` throws. Messages may be shown to the tenant who gave the URL: they carry no address and no socket detail. */
export abstract class OutboundError extends Error {
  abstract readonly kind: OutboundErrorKind;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The URL or the address behind it is not one this installation may reach. Permanent: a repeat gives the same answer. */
export class OutboundBlocked extends OutboundError {
  readonly kind = 'blocked';
}

/** The total deadline passed: name look-up, connect, TLS, waiting for a free connection, reply head and reply body count. */
export class OutboundTimeout extends OutboundError {
  readonly kind = 'timeout';
}

/** No usable reply: no connection, a TLS fault, a broken reply, or for a download a status other than 2xx or too many bytes. */
export class OutboundFailed extends OutboundError {
  readonly kind = 'failed';

  /** @param status what the server answered, when it did */
  constructor(
    message: string,
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The caller's own signal fired. */
export class OutboundAborted extends OutboundError {
  readonly kind = 'aborted';
}
