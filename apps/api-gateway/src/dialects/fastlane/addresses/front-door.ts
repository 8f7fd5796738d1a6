import { pipeline, Readable } from 'node:stream';
import { createGzip, gzip } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { addLogContext, type GatewayConfiguration } from '@task-engine/platform';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { originOf } from '../links';
import { acceptsGzip } from './accepts-gzip';
import { DIALECT, treatmentOf } from './addressed';
import { BasicAuth } from './basic-auth';
import { corsHeaders } from './cors';
import { HTML, htmlPage, SHOW_ONLY } from './html-page';
import type { Treatment } from './routes';

/** The only type that is compressed: without a charset, as clients of this API get it. */
export const JSON_TYPE = 'application/json';

/** What is put into log lines: an id, not a text. */
const REQUEST_ID = /^[\w.:-]{1,100}$/;

/** What every request of the dialect passes on its way in, and every answer on its way out. */
export function openFrontDoor(app: NestFastifyApplication, configuration: GatewayConfiguration): void {
  const fastify = app.getHttpAdapter().getInstance();
  const auth = new BasicAuth(configuration);

  fastify.addHook('onRequest', (request, reply, done) => {
    const treatment = treatmentOf(request.raw);
    if (!treatment) return done();
    if (!auth.allows(request.headers.authorization))
      return void reply.code(401).header('www-authenticate', auth.challenge).send();
    if (treatment.kind === 'serve') return done();
    answer(treatment, request, reply, configuration.FASTLANE_SERVER_NAME);
  });

  fastify.addHook('preValidation', (request, _reply, done) => {
    if (treatmentOf(request.raw)) {
      const requestId = request.headers['x-request-id'];
      addLogContext({
        dialect: DIALECT,
        ...(typeof requestId === 'string' && REQUEST_ID.test(requestId) && { requestId }),
      });
    }
    done();
  });

  fastify.addHook('onSend', (request, reply, payload: unknown, done) => {
    if (!treatmentOf(request.raw)) return done(null, payload);
    const vary: string[] = [];
    void reply.headers(corsHeaders(configuration.FASTLANE_CORS_ORIGINS, request));
    if (request.headers.origin !== undefined) vary.push('Origin');
    const type = String(reply.getHeader('content-type') ?? '');
    // logs and messages go out as HTML, which clients expect; no browser may run them
    if (type.startsWith('text/html') && !reply.hasHeader('content-security-policy'))
      void reply.header('content-security-policy', SHOW_ONLY);
    void reply.header('x-content-type-options', 'nosniff');
    const long = payload instanceof Readable;
    const packable =
      type === JSON_TYPE && (long || Buffer.isBuffer(payload)) && Math.floor(reply.statusCode / 100) === 2;
    if (packable) vary.push('Accept-Encoding');
    if (vary.length > 0) void reply.header('vary', vary.join(', '));
    if (request.method === 'HEAD') {
      if (!long) return done(null, payload);
      // the server would read all of it for nobody
      payload.destroy();
      return done(null, Readable.from([]));
    }
    if (!packable || !acceptsGzip(request.headers['accept-encoding'])) return done(null, payload);
    if (long) {
      void reply.header('content-encoding', 'gzip');
      // what fails on one side ends the other, and so the answer
      return done(
        null,
        pipeline(payload, createGzip(), () => undefined),
      );
    }
    gzip(payload, (error, packed) => {
      if (!error) void reply.header('content-encoding', 'gzip');
      done(null, error ? payload : packed);
    });
  });
}

function answer(
  treatment: Exclude<Treatment, { kind: 'serve' }>,
  request: FastifyRequest,
  reply: FastifyReply,
  serverName: string | undefined,
): void {
  void reply.type(HTML);
  switch (treatment.kind) {
    case 'options':
      return void reply.header('allow', treatment.allow.join(', ')).send('');
    case 'redirect': {
      const location = originOf(request, serverName) + treatment.to;
      return void reply.code(308).header('location', location).send(htmlPage(308, location));
    }
    case 'wrong-method':
      return void reply.code(405).header('allow', treatment.allow.join(', ')).send(htmlPage(405));
    case 'unknown':
      return void reply.code(404).send(htmlPage(404));
  }
}
