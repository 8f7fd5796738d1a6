import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import { encode } from '../json/encode';
import { Answer, Empty, envelope } from './answer';

/** Without a charset, as clients of this API get it. */
export const JSON_TYPE = 'application/json';

/** Writes what a controller answers. */
@Injectable()
export class Envelopes implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      map((answer: unknown) => {
        // its status is not the route's, which Nest writes over whatever is set here: the filter sends it
        if (answer instanceof Empty) throw answer;
        if (!(answer instanceof Answer)) throw new Error('a controller answered without an envelope');
        void reply.type(JSON_TYPE);
        // bytes: to a text under this type the server would add a charset
        return Buffer.from(encode(envelope(answer.ok, answer)));
      }),
    );
  }
}
