/**
 * How a host of containers is called wherever it is named as a whole, in the configuration, in the registry of hosts and on the blacklist:
 * `host:port`, `[address]:port` or `unix:///path`.
 */
export function containerHostName({ host, port }: { readonly host: string; readonly port: number }): string {
  if (host.startsWith('unix://')) return host;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
