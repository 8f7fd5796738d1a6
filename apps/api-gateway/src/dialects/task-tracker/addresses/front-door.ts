import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { addLogContext } from '@task-engine/platform';
import type { FastifyReply } from 'fastify';
import { accepted, envelope } from '../http/answer';
import { JSON_TYPE } from '../http/envelope.interceptor';
import { TEXT } from '../http/task-tracker.filter';
import { encode } from '../json/encode';
import { DIALECT, treatmentOf } from './addressed';
import type { Treatment } from './routes';

/** What clients compare; not the version of the suite. */
const PRODUCT = { name: 'task_tracker', version: '1.1' };

/** As clients of this API get them, the odd method included. */
const OPTIONS_HEADERS = {
  'access-control-allow-headers': 'Content-Type',
  'access-control-allow-methods': 'GET, POST, OPTION',
  'access-control-allow-origin': '*',
};

/** What every request of the dialect passes on its way in, and what is answered there already. */
export function openFrontDoor(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();

  fastify.addHook('onRequest', (request, reply, done) => {
    const treatment = treatmentOf(request.raw);
    if (!treatment) return done();
    void reply.header('server', PRODUCT.name);
    if (treatment.kind === 'serve') return done();
    answer(treatment, reply);
  });

  fastify.addHook('preValidation', (request, _reply, done) => {
    if (treatmentOf(request.raw)) addLogContext({ dialect: DIALECT });
    done();
  });
}

function answer(treatment: Exclude<Treatment, { kind: 'serve' }>, reply: FastifyReply): void {
  switch (treatment.kind) {
    case 'root':
      return void reply.type(JSON_TYPE).send(Buffer.from(encode(envelope(true, accepted(PRODUCT)))));
    case 'options':
      return void reply.headers(OPTIONS_HEADERS).send();
    case 'unknown':
      return void reply.code(404).type(TEXT).send('Not found');
  }
}
