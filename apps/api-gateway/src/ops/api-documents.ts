import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

/**
 * Serves each dialect's OpenAPI document at /openapi/<dialect>.json and one page to read and try them at /docs, whose scripts and styles
 * come from this server.
 */
export function serveApiDocuments(app: NestFastifyApplication, documents: Record<string, OpenAPIObject>): void {
  const fastify = app.getHttpAdapter().getInstance();
  const urls = Object.entries(documents).map(([dialect, document]) => {
    const url = `/openapi/${dialect}.json`;
    fastify.get(url, () => document);
    return { name: document.info.title, url };
  });
  const [first] = Object.values(documents);
  SwaggerModule.setup('docs', app, first!, {
    explorer: urls.length > 1,
    raw: false,
    customSiteTitle: 'Task Engine',
    swaggerOptions: { urls, persistAuthorization: false, validatorUrl: null },
  });
}
