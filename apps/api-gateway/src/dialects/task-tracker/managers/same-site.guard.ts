import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Refusal } from '../http/answer';
import { comesFromAnotherSite } from '../http/request';

/** In front of what a manager changes by his cookie, reads that change something included: a page of another site must not do it for him. */
@Injectable()
export class SameSite implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (comesFromAnotherSite(context.switchToHttp().getRequest<FastifyRequest>()))
      throw new Refusal(403, 'Unauthorized');
    return true;
  }
}
