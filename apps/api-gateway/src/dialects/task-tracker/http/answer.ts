/** What a controller answers: HTTP 200 and an envelope. */
export class Answer {
  constructor(
    readonly ok: boolean,
    readonly message?: string,
    readonly content?: object,
  ) {}
}

export const accepted = (content?: object, message?: string): Answer => new Answer(true, message, content);

/** Understood, and nothing came of it: HTTP 200 all the same. */
export const declined = (message: string, content?: object): Answer => new Answer(false, message, content);

/** A refusal: an envelope that is not ok, under a status of its own. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly extra: { rateLimitDelay?: number; content?: object } = {},
  ) {
    super(message);
  }
}

/** An answer without a body, returned or thrown. */
export class Empty extends Error {
  constructor(readonly status: 200 | 204 | 400) {
    super('an answer without a body');
  }
}

/** A refusal that is nothing but its text. */
export class TextRefusal extends Error {
  constructor(
    readonly status: 400 | 403 | 404,
    message: string,
  ) {
    super(message);
  }
}

/** More bytes than a body may have: what is left of it nobody reads. */
export class BodyTooLarge extends TextRefusal {
  constructor() {
    super(400, 'Error when parsing request');
  }
}

export interface Envelope {
  ok: boolean;
  message?: string;
  rate_limit_delay?: number;
  content?: object;
}

/** Keys in the order in which clients get them; what is empty is left out. */
export function envelope(
  ok: boolean,
  { message, rateLimitDelay, content }: { message?: string; rateLimitDelay?: number; content?: object },
): Envelope {
  return {
    ok,
    ...(message && { message }),
    ...(rateLimitDelay && { rate_limit_delay: rateLimitDelay }),
    ...(content && { content }),
  };
}
