import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { eventually } from '../../support/eventually';
import { CommandClient } from './command-client';
import { EngineSuite } from './engine-suite';

/** A real mail server that keeps what it gets and refuses the first mail to an address that asks for it. */
class Mailbox {
  readonly mails: { to: string[]; text: string }[] = [];
  private readonly refused = new Set<string>();
  private readonly server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'engine' && password === 'mail-secret' ? done(null, { user: username }) : done(new Error('who?')),
    onRcptTo: ({ address }, _session, done) => {
      if (!address.startsWith('later') || this.refused.has(address)) return done();
      this.refused.add(address);
      done(Object.assign(new Error('try again'), { responseCode: 451 }));
    },
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        this.mails.push({ to, text: Buffer.concat(chunks).toString() });
        done();
      });
    },
  });

  async start(): Promise<number> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return (this.server.server.address() as AddressInfo).port;
  }

  /** The mails to an address, once there are so many. */
  to(address: string, count = 1, timeout = 10_000) {
    return eventually(
      () => {
        const found = this.mails.filter(({ to }) => to.includes(address));
        if (found.length < count) throw new Error(`${found.length} of ${count} mails to ${address}`);
        return found;
      },
      { timeout },
    );
  }

  stop(): Promise<void> {
    return new Promise((done) => this.server.close(() => done()));
  }
}

describe('mails of commands', () => {
  const mailbox = new Mailbox();
  let suite: EngineSuite;
  let client: CommandClient;

  beforeAll(async () => {
    const port = await mailbox.start();
    suite = await EngineSuite.start({
      replicas: 1,
      env: {
        FASTLANE_EXECUTOR: 'host',
        SMTP_HOST: '127.0.0.1',
        SMTP_PORT: String(port),
        SMTP_FROM: 'engine@example.com',
        SMTP_USER: 'engine',
        SMTP_PASSWORD: 'mail-secret',
        CALLBACK_FIRST_RETRY_SECONDS: '1',
        FASTLANE_SERVER_NAME: 'tasks.example.com',
      },
    });
    client = new CommandClient(suite.local.url('api-gateway'));
  });

  afterAll(async () => {
    await suite?.stop();
    await mailbox.stop();
  });

  it('tell those who want to know, one mail to each, with the details and links', async () => {
    const job = await client.submit('mailed', {
      command: `sh -c 'echo out; exit 4'`,
      notify: {
        fails: ['a@example.com', 'b@example.com'],
        succeeds: ['never@example.com'],
        finishes: ['a@example.com'],
      },
    });
    await client.over(job);
    const mails = await mailbox.to('a@example.com', 2);
    await mailbox.to('b@example.com');
    const subjects = mails.map(({ text }) => unfolded(text).match(/^Subject: (.*)$/m)![1]).sort();
    expect(subjects).toEqual([
      `[Fastlane] Job mailed/${job.jobId} failed with exit code 4!`,
      `[Fastlane] Job mailed/${job.jobId} finished with exit code 4!`,
    ]);
    const text = mails[0]!.text.replaceAll('=\r\n', '').replaceAll('=3D', '=');
    expect(text).toContain('multipart/alternative');
    expect(text).toContain('From: engine@example.com');
    expect(text).toContain('"exitCode": 4');
    expect(text).toContain(`http://tasks.example.com/tasks/mailed/jobs/${job.jobId}/`);
    expect(text).toContain('<a href="http://tasks.example.com/tasks/mailed/">mailed</a>');
    expect(mailbox.mails.filter(({ to }) => to.includes('never@example.com'))).toEqual([]);
  });

  it('are sent again when the server puts them off, under the same id', async () => {
    const job = await client.submit('mailed', { command: 'true', notify: { succeeds: ['later@example.com'] } });
    await client.over(job);
    const [mail] = await mailbox.to('later@example.com');
    expect(mail!.text).toMatch(/^Message-ID: <msg_[0-9a-f-]{36}@task-engine>/im);
    const [row] = await suite.query<{ attempts: number; error: string }>(
      `SELECT d.attempts, (SELECT error FROM delivery_attempt a WHERE a.delivery_id = d.id AND a.number = 1) AS error
       FROM delivery d WHERE kind = 'mail' AND url LIKE '%later%'`,
    );
    expect(row).toEqual({ attempts: 2, error: 'the mail server answered 451' });
  });
});

/** Headers in one line each. */
function unfolded(text: string): string {
  return text.replace(/\r\n[ \t]+/g, ' ');
}
