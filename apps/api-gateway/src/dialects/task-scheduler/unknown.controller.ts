import { All, Controller, Req, UseFilters, UseGuards } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { BASE, methodsOf } from './addresses/routes';
import { CallerGuard } from './auth/caller.guard';
import { Refusal } from './http/refusal';
import { TaskSchedulerFilter } from './http/task-scheduler.filter';

/** What nobody else of the dialect serves. Who calls is asked here too: the limit counts for every request. */
@Controller(BASE)
@UseFilters(TaskSchedulerFilter)
@UseGuards(CallerGuard)
export class UnknownController {
  @All(['', '*'])
  refuse(@Req() request: FastifyRequest): never {
    throw unserved(request);
  }
}

/** 405 with the methods that there are, or 404; that too when the address has the method: then an id in it is longer than any. */
export function unserved({ method, url }: Pick<FastifyRequest, 'method' | 'url'>): Refusal {
  const methods = methodsOf(url);
  if (methods.length === 0 || methods.includes(method))
    return new Refusal('not_found', 'There is nothing at this address');
  return new Refusal('method_not_allowed', `This address has ${methods.join(', ')}`, undefined, {
    allow: methods.join(', '),
  });
}
