import { Endpoint, type EndpointCount } from './callbacks-endpoints';
import { serve } from './harness/child';

let endpoints: Endpoint[] = [];

const procedures = {
  /** Answers the URLs, each an origin of its own. */
  listen: async ({ count, secret }: { count: number; secret: string }): Promise<string[]> => {
    endpoints = await Promise.all(Array.from({ length: count }, () => Endpoint.listen(secret)));
    return endpoints.map(({ url }) => url);
  },
  /** Forgets what came so far. @param hanging the number of an endpoint that will not answer until `release` */
  begin: async (hanging: number | undefined): Promise<void> => {
    endpoints.forEach((endpoint, index) => endpoint.begin(index === hanging));
  },
  release: async (): Promise<void> => endpoints.forEach((endpoint) => endpoint.release()),
  counts: async (): Promise<EndpointCount[]> => endpoints.map(({ count }) => count),
  /** The different ids that came to each endpoint. */
  received: async (): Promise<string[][]> => endpoints.map(({ received }) => received),
};
export type EndpointsProcess = typeof procedures;
serve(procedures);
