export interface JsonAnswer<T> {
  status: number;
  headers: Headers;
  /** Parsed body; undefined when it is empty or not JSON. */
  body: T;
  text: string;
}

export interface JsonRequest {
  /** [GET, or POST with a body] */
  method?: string;
  headers?: Record<string, string>;
  /** Sent as JSON; a string is sent as it is (for malformed bodies). */
  body?: unknown;
  /** Milliseconds [10000]. */
  timeout?: number;
}

/** One request with a JSON body and answer. Redirects are shown, not followed; no status is an error. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test states the shape by what it expects
export async function fetchJson<T = any>(url: string, request: JsonRequest = {}): Promise<JsonAnswer<T>> {
  const { body, timeout = 10_000 } = request;
  const method = request.method ?? (body === undefined ? 'GET' : 'POST');
  const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, {
    method,
    headers: { ...type, ...request.headers },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse(text) as T, text };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
