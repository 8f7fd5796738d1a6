import { HostUnreachable, type Place } from '../runtime';
import { send } from './cluster.fixture';
import type { KubernetesRuntime } from './kubernetes-runtime';
import { creating, evicted, running, statusOf, terminated } from './recorded-shapes.fixture';
import { Bench, POD, Taken, until } from './runtime.fixture';

let bench: Bench;
let runtime: KubernetesRuntime;
let place: Place;
let taken: Taken;

const LOG = /\/log$/;
const NOTHING = { stdout: 0, stderr: 0 };
const never = new AbortController().signal;

/** As the API answers while it cannot reach the node. */
const nodeAway = statusOf(
  500,
  'InternalError',
  'Get "https://10.0.3.12:10250/containerLogs/batch-work/x/command?follow=true": dial tcp 10.0.3.12:10250: connect: connection refused',
);

beforeEach(async () => {
  bench = new Bench();
  runtime = await bench.runtime();
  place = bench.runningPod();
  taken = new Taken();
});

afterEach(() => bench.end());

const follow = (skip = NOTHING, signal = never) => runtime.follow(place, skip, taken.take, signal);
const followed = () => until(() => bench.cluster.followers(POD) > 0);
const endPod = () => bench.cluster.setStatus(POD, terminated(0));

describe('following the output of a command in Kubernetes', () => {
  it('hands it over as it is written, all of it as stdout, and ends with the pod', async () => {
    bench.cluster.write(POD, 'one\n');
    const following = follow();
    await until(() => taken.text === 'one\n');
    bench.cluster.write(POD, 'two\n');
    await until(() => taken.text === 'one\ntwo\n');
    bench.cluster.write(POD, 'three');
    endPod();
    await following;
    expect(taken.text).toBe('one\ntwo\nthree');
    expect([...taken.streams]).toEqual(['stdout']);
    expect(bench.cluster.requests('GET', LOG)[0]!.query.get('container')).toBe('command');
  });

  it('leaves out what is known of both streams', async () => {
    bench.cluster.write(POD, 'out\nerr\nnew\n');
    endPod();
    await follow({ stdout: 4, stderr: 4 });
    expect(taken.text).toBe('new\n');
  });

  it('hands over any bytes', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
    const parts: Buffer[] = [];
    bench.cluster.write(POD, bytes);
    endPod();
    await runtime.follow(place, NOTHING, (_, part) => void parts.push(part), never);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  it.each(['broken', 'cleanly'] as const)(
    'goes on without gap or repeat when the log ends %s before its pod',
    async (how) => {
      bench.cluster.write(POD, 'first half ');
      const following = follow();
      await until(() => taken.text === 'first half ');
      bench.cluster.endLogs(POD, how);
      await until(() => bench.cluster.followers(POD) === 0);
      bench.cluster.write(POD, 'second half');
      await until(() => taken.text === 'first half second half');
      endPod();
      await following;
      expect(taken.text).toBe('first half second half');
    },
    10_000,
  );

  it('loses nothing of a log that broke off although its pod has ended', async () => {
    bench.cluster.write(POD, 'all of it');
    endPod();
    const end = bench.cluster.intercept(({ path }, response) => {
      if (!LOG.test(path)) return false;
      end();
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('all', () => response.destroy());
      return true;
    });
    await follow();
    expect(taken.text).toBe('all of it');
  });

  it('does not read a log twice when the end of its pod is noted a moment later', async () => {
    runtime = await bench.runtime({ limits: { endNotedSeconds: 5 } });
    const following = follow();
    await followed();
    bench.cluster.write(POD, 'out');
    bench.cluster.endLogs(POD, 'cleanly');
    setTimeout(endPod, 300);
    await following;
    expect(taken.text).toBe('out');
    expect(bench.cluster.requests('GET', LOG)).toHaveLength(1);
  });

  it('reads on when the node has begun a new file meanwhile', async () => {
    bench.cluster.write(POD, 'line 1\nline 2\n');
    const following = follow();
    await until(() => taken.text.endsWith('2\n'));
    bench.cluster.turnLog(POD);
    bench.cluster.endLogs(POD, 'broken');
    bench.cluster.write(POD, 'line 3\n');
    await until(() => taken.text.endsWith('3\n'));
    endPod();
    await following;
    expect(taken.text).toBe('line 1\nline 2\nline 3\n');
  });

  it('reads again what a log did not say that hangs although its pod has ended', async () => {
    runtime = await bench.runtime({ limits: { quietSeconds: 0.1 } });
    const end = bench.cluster.intercept(({ path }, response) => {
      if (!LOG.test(path)) return false;
      end();
      response.writeHead(200, { 'content-type': 'text/plain' }).write('beg');
      return true;
    });
    bench.cluster.write(POD, 'beginning and end');
    const following = follow();
    await until(() => taken.text === 'beg');
    endPod();
    await following;
    expect(taken.text).toBe('beginning and end');
  });

  it('stays with a silent log while its pod runs', async () => {
    runtime = await bench.runtime({ limits: { quietSeconds: 0.05 } });
    const following = follow();
    await until(() => bench.cluster.requests('GET', new RegExp(`/pods/${POD}$`)).length > 3);
    bench.cluster.write(POD, 'at last');
    await until(() => taken.text === 'at last');
    endPod();
    await following;
    expect(bench.cluster.requests('GET', LOG)).toHaveLength(1);
  });

  it('waits for a container that is still being made', async () => {
    bench.cluster.setStatus(POD, creating());
    const following = follow();
    await until(() => bench.cluster.requests('GET', LOG).length > 1);
    bench.cluster.setStatus(POD, running());
    bench.cluster.write(POD, 'here');
    await followed();
    endPod();
    await following;
    expect(taken.text).toBe('here');
  });

  it('waits for a node that the API cannot reach for a moment', async () => {
    bench.cluster.write(POD, 'here');
    const back = bench.cluster.refuse('GET', LOG, nodeAway);
    const following = follow();
    await until(() => bench.cluster.requests('GET', LOG).length > 6);
    back();
    await until(() => taken.text === 'here');
    endPod();
    await following;
  });

  it('gives up the log of an ended pod whose node is gone', async () => {
    bench.cluster.setStatus(POD, evicted());
    bench.cluster.refuse('GET', LOG, nodeAway);
    await follow();
    expect(taken.text).toBe('');
  });

  it('has nothing to hand over of a pod that is gone', async () => {
    bench.cluster.removePod(POD);
    await follow();
    expect(taken.text).toBe('');
  });

  it('ends with what it has when the pod is deleted', async () => {
    bench.cluster.write(POD, 'so far');
    const following = follow();
    await until(() => taken.text === 'so far');
    bench.cluster.removePod(POD);
    await following;
    expect(taken.text).toBe('so far');
  });

  it('reads no faster than the output is taken', async () => {
    const megabytes = 24;
    let takes = 0;
    let bytes = 0;
    let release: () => void = () => undefined;
    const blocked = new Promise<void>((resolve) => (release = resolve));
    const following = runtime.follow(
      place,
      NOTHING,
      (_, part) => {
        takes += 1;
        bytes += part.length;
        return blocked;
      },
      never,
    );
    await followed();
    for (let each = 0; each < megabytes; each += 1) bench.cluster.write(POD, Buffer.alloc(1_048_576, 120));
    await until(() => takes === 1);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(takes).toBe(1);
    const [follower] = bench.cluster['logs'].get(POD)!.followers;
    expect(follower!.writableLength).toBeGreaterThan((megabytes / 2) * 1_048_576);
    release();
    endPod();
    await following;
    expect(bytes).toBe(megabytes * 1_048_576);
  });

  it('fails with what the taker fails with, and closes the log', async () => {
    bench.cluster.write(POD, 'out');
    const following = runtime.follow(place, NOTHING, () => Promise.reject(new Error('no room')), never);
    await expect(following).rejects.toThrow('no room');
    await until(() => bench.cluster.followers(POD) === 0);
  });

  it('ends at once when its signal says so, and closes the log', async () => {
    const leaving = new AbortController();
    const following = follow(NOTHING, leaving.signal);
    await followed();
    leaving.abort(new Error('the lease is over'));
    await expect(following).rejects.toThrow('the lease is over');
    await until(() => bench.cluster.followers(POD) === 0);
  });
});

describe('an API server that goes away while output is followed', () => {
  it('is told, and nothing is lost or repeated when it is followed again with what is known', async () => {
    bench.cluster.write(POD, 'first ');
    const following = follow().catch((error: unknown) => error);
    await until(() => taken.text === 'first ');
    await bench.cluster.down();
    expect(await following).toBeInstanceOf(HostUnreachable);
    await bench.cluster.up();
    bench.cluster.write(POD, 'second');
    endPod();
    await follow({ stdout: taken.text.length, stderr: 0 });
    expect(taken.text).toBe('first second');
  });

  it('is told when it takes the request and does not answer', async () => {
    runtime = await bench.runtime({ limits: { requestSeconds: 0.2 } });
    bench.cluster.intercept(() => true);
    await expect(follow()).rejects.toThrow(HostUnreachable);
  });

  it('is told when a worker may not read logs any more, with the permission it lacks', async () => {
    bench.cluster.intercept(({ path }, response) => {
      if (!LOG.test(path)) return false;
      send(response, 403, statusOf(403, 'Forbidden', 'pods/log is forbidden'));
      return true;
    });
    await expect(follow()).rejects.toMatchObject({
      name: 'HostUnreachable',
      message: expect.stringContaining('refused to get pods/log in namespace batch-work (403)'),
    });
  });
});
