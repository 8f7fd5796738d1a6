import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Database } from '@task-engine/database';
import { eventually } from '../../support/eventually';
import { CallbackSuite } from './callback-suite';

const SERVER = `
const http=require('node:http');let n=0;const ports=[];
for(let i=0;i<11;i++){const s=http.createServer((q,r)=>{q.on('data',()=>{});q.on('end',()=>{if(q.url==='/hang')return;n++;r.end('ok')})});s.listen(0,'127.0.0.1',()=>{ports.push(s.address().port);if(ports.length===11)console.log(JSON.stringify(ports))})}
`;
it('bench', async () => {
  const suite = await CallbackSuite.start({ CALLBACK_CONCURRENCY: '64', LEASE_SECONDS: '10', HEARTBEAT_SECONDS: '3' });
  await suite.signWith('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ports: number[] = await new Promise((r) => createInterface(child.stdout!).once('line', (l) => r(JSON.parse(l))));
  const seedMany = async (n: number, hang: number, eps = 10) => {
    const jobs: string[] = [];
    for (let i = 0; i < 500; i++) jobs.push(await suite.job());
    const body = JSON.stringify({ job_id: '1', task_id: '2', task_name: 'x', workflow: 'noop', event: 'start', content_id: null, message: '', time: new Date().toISOString(), client: 'demo-client' });
    const seeds = [];
    for (let i = 0; i < hang; i++) seeds.push({ url: `http://127.0.0.1:${ports[10]}/hang`, jobId: jobs[i % 500], event: `h${i}`, body });
    for (let i = 0; i < n; i++) seeds.push({ url: `http://127.0.0.1:${ports[i % eps]}/`, jobId: jobs[i % 500], event: `e${i}`, body });
    await suite.deliver(...seeds);
    await suite.query('ANALYZE delivery');
  };
  const delivered = async () => (await suite.query<{ n: number }>(`SELECT count(*)::int AS n FROM delivery WHERE state='delivered'`))[0]!.n;
  const rates: [string, number][] = [];
  const run = async (what: string, n: number) => {
    const before = await delivered();
    const d = await suite.startDispatcher();
    const t = performance.now();
    const base = await delivered();
    const store = d.app.get(Database).stores.deliveries as any;
    const stats: any = {};
    for (const name of ['claim', 'report', 'expire', 'secondsToNextDue', 'heartbeat']) {
      const f = store[name].bind(store); const st = (stats[name] = { n: 0, ms: 0, rows: 0 });
      store[name] = async (...a: any[]) => { const b = performance.now(); const r = await f(...a); st.n++; st.ms += performance.now() - b; st.rows += r?.length ?? r?.deliveries?.length ?? 0; return r; };
    }
    await eventually(async () => (await delivered()) - before >= n, { timeout: 60_000, interval: 20 });
    const secs = (performance.now() - t) / 1000; rates.push([what, Math.round((n - (base - before)) / secs), secs, Object.entries(stats).map(([k, v]: any) => `${k} n=${v.n} avg=${(v.ms / v.n).toFixed(1)}ms rows=${(v.rows / v.n).toFixed(1)}`).join('; ')] as any);
    await suite.stopDispatchers();
  };
  const floor = async () => {
    const { OutboundHttp } = await import('@task-engine/platform'); const { webhookHeaders } = await import('../../../apps/callback-dispatcher/src/webhook-signature');
    const o = new OutboundHttp({ allow: ['127.0.0.1'], timeoutMs: 5000 }); let left = 5000; const t = performance.now(); const body = 'x'.repeat(200);
    await Promise.all(Array.from({ length: 40 }, async (_, i) => { while (left-- > 0) await o.request({ url: `http://127.0.0.1:${ports[i % 10]}/`, method: 'POST', body, headers: { 'content-type': 'application/json', ...webhookHeaders({ id: 'msg_1', body, secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', now: new Date() }) } }); }));
    rates.push(['signed POST loop', Math.round(5000 / ((performance.now() - t) / 1000))]); await o.close();
  };
  for (let i = 0; i < 3; i++) { await floor(); await seedMany(5000, 0); await run('10 endpoints', 5000); }
  await seedMany(2000, 0, 1); await run('1 endpoint', 2000);
  await seedMany(5000, 1000); await run('one hangs', 5000);
  console.log(rates);
  child.kill();
  await suite.stop();
}, 180_000);
