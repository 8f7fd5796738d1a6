import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { CONFIGURATION, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply } from 'fastify';
import { map, type Observable } from 'rxjs';
import { JSON_TYPE } from './addresses/front-door';
import { jsonParts } from './presenters/json-text';
import { streamOf } from './stream-of';

/** Writes what a controller answers as JSON of the dialect's own form. */
@Injectable()
export class JsonAnswers implements NestInterceptor {
  constructor(@Inject(CONFIGURATION) private readonly configuration: GatewayConfiguration) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return next.handle().pipe(
      map((value: unknown) => {
        void reply.type(JSON_TYPE);
        const parts = jsonParts(value, { pretty: this.configuration.FASTLANE_DEBUG });
        // bytes: to a text under this type the server would add a charset
        return parts.every((part) => typeof part === 'string') ? Buffer.from(parts.join('')) : streamOf(parts);
      }),
    );
  }
}
