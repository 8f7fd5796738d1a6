import { randomBytes } from 'node:crypto';

/** Seconds until the page tries again, unless it was told that there is no more. */
const RETRY_SECONDS = 5;

const STYLE = `
body { margin: 0; background: #16181d; color: #d7dae0; font: 14px/1.45 ui-monospace, monospace; }
p { margin: 0; padding: .5rem 1rem; background: #22252c; position: sticky; top: 0; }
pre { margin: 0; padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }`;

/** Characters after which a further line goes into a further element: a browser lays out what is new, and not the whole log again. */
const BLOCK_LENGTH = 65_536;

/** The log comes whole at each connection, so that a new one starts with an empty page. What comes together is shown together. */
const SCRIPT = `
const state = document.querySelector('p'), log = document.querySelector('pre');
const address = new URL(location.href);
address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
address.pathname = address.pathname.replace(/stream\\/?$/, 'ws/');
address.search = address.hash = '';
let fresh = true, waiting = '', block;
function show() {
  const atEnd = innerHeight + scrollY >= document.body.scrollHeight - 40;
  if (fresh) log.replaceChildren(block = document.createElement('div'));
  fresh = false;
  // colours of terminals
  let text = waiting.replace(/\\x1b\\[[0-9;]*m/g, '');
  waiting = '';
  while (text !== '') {
    const end = text.indexOf('\\n', ${BLOCK_LENGTH} - block.textContent.length) + 1 || text.length;
    block.append(text.slice(0, end));
    text = text.slice(end);
    if (text !== '') log.append(block = document.createElement('div'));
  }
  if (atEnd) scrollTo(0, document.body.scrollHeight);
}
function follow() {
  state.textContent = 'connecting';
  const socket = new WebSocket(address);
  let first = true;
  socket.onopen = () => { state.textContent = 'live'; };
  socket.onmessage = ({ data }) => {
    if (first) { fresh = true; waiting = ''; }
    first = false;
    if (waiting === '') requestAnimationFrame(show);
    waiting += data;
  };
  socket.onclose = ({ reason }) => {
    if (reason === 'done' || reason === 'wsdone') { state.textContent = 'done'; return; }
    state.textContent = 'waiting';
    setTimeout(follow, ${RETRY_SECONDS * 1000});
  };
}
follow();`;

/** A page that shows a log as it is written, and what its browser may do: run this script and connect to where it came from. */
export function streamPage(): { html: string; policy: string } {
  const nonce = randomBytes(16).toString('base64');
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Live log</title>
<style nonce="${nonce}">${STYLE}</style>
<p>connecting</p>
<pre></pre>
<script nonce="${nonce}">${SCRIPT}</script>
</html>
`;
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self' ws: wss:; base-uri 'none'; frame-ancestors 'none'`;
  return { html, policy };
}
