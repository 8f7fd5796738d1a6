import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DomainError } from '@task-engine/domain';

/** 32 MB and about 0.1 s for each try. */
const COST = { N: 2 ** 15, r: 8, p: 1 } as const;
const HASH_BYTES = 32;
const SALT_BYTES = 16;
/** Derivations at one time: they take threads that file and name look-ups need too, and memory. */
const PARALLEL = 2;
/** Derivations that wait; some seconds of them. Who comes then is better told than kept waiting: his attempts would only add to the queue. */
const WAITING = 50;

interface Cost {
  N: number;
  r: number;
  p: number;
}

/** Keeps passwords as `scrypt$N$r$p$salt$hash`. */
@Injectable()
export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  /** What is compared with when there is no such user: it takes as long. */
  private readonly nobody = text(COST, randomBytes(SALT_BYTES), randomBytes(HASH_BYTES));

  /** @throws DomainError unavailable when too many passwords wait already */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES);
    return text(COST, salt, await this.derive(password, salt, COST, HASH_BYTES));
  }

  /** @param kept undefined for a user that there is not @throws DomainError unavailable */
  async matches(password: string, kept: string | undefined): Promise<boolean> {
    const [, N, r, p, salt, hash] = (kept ?? this.nobody).split('$');
    const expected = Buffer.from(hash!, 'base64');
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    const derived = await this.derive(password, Buffer.from(salt!, 'base64'), cost, expected.length);
    return timingSafeEqual(derived, expected) && kept !== undefined;
  }

  private async derive(password: string, salt: Buffer, cost: Cost, bytes: number): Promise<Buffer> {
    await this.turn();
    try {
      return await new Promise((resolve, reject) =>
        // scrypt needs a little more than the blocks themselves
        scrypt(password, salt, bytes, { ...cost, maxmem: 256 * cost.N * cost.r }, (error, key) =>
          error ? reject(error) : resolve(key),
        ),
      );
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }

  private async turn(): Promise<void> {
    if (this.running >= PARALLEL) {
      if (this.waiting.length >= WAITING) throw new DomainError('unavailable', 'Too many logins at this moment');
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.running += 1;
  }
}

function text({ N, r, p }: Cost, salt: Buffer, hash: Buffer): string {
  return ['scrypt', N, r, p, salt.toString('base64'), hash.toString('base64')].join('$');
}
