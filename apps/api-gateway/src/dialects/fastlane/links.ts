import type { FastifyRequest } from 'fastify';

/** A name or an address, with or without a port; what else a Host header may hold is not repeated to anybody. */
const HOST = /^([A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?$/;

/** `http://host:port` for the addresses in answers: of the configured name, else as the request names the host. */
export function originOf(request: FastifyRequest, serverName: string | undefined): string {
  const scheme = request.protocol === 'https' ? 'https' : 'http';
  return `${scheme}://${serverName ?? (HOST.test(request.host) ? request.host : localHost(request))}`;
}

/** Where the connection arrived: all that is left when the request names no host, or none that can be believed. */
function localHost({ socket }: FastifyRequest): string {
  const { localAddress = 'localhost', localPort = 80 } = socket;
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}

/** The absolute addresses in answers. */
export class Links {
  constructor(private readonly origin: string) {}

  tasks(page: number): string {
    return `${this.origin}/tasks/?page=${page}`;
  }

  search(query: string, page: number): string {
    return `${this.origin}/search/?query=${encodeURIComponent(query)}&page=${page}`;
  }

  task(name: string): string {
    return `${this.origin}/tasks/${encodeURIComponent(name)}/`;
  }

  job(task: string, job: string): string {
    return `${this.task(task)}jobs/${job}/`;
  }

  stop(task: string, job: string): string {
    return `${this.job(task, job)}stop/`;
  }

  execution(task: string, job: string, execution: string): string {
    return `${this.job(task, job)}executions/${execution}/`;
  }
}
