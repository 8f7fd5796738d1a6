import type { ClaimedDelivery } from '@task-engine/database';
import type { DispatcherConfiguration } from '@task-engine/platform';
import { createTransport, type Transporter } from 'nodemailer';
import type { Attempt } from './delivery-outcome';
import { MailFailure } from './mail-failure';
import { mailOf, type RunMail } from './run-mail';

/** Mails at one time: servers answer more with refusals. */
const CONNECTIONS = 4;

/** Sends the mails of runs by SMTP. */
export class MailSender {
  private readonly transport: Transporter | undefined;

  constructor(private readonly configuration: DispatcherConfiguration) {
    const { SMTP_HOST, SMTP_PORT, SMTP_USER, SMTP_PASSWORD, SMTP_FROM, SMTP_USE_SSL } = configuration;
    if (!SMTP_HOST || !SMTP_FROM) return;
    const timeout = configuration.CALLBACK_TIMEOUT_SECONDS * 1_000;
    this.transport = createTransport({
      pool: true,
      maxConnections: CONNECTIONS,
      host: SMTP_HOST,
      port: SMTP_PORT,
      secure: false,
      requireTLS: SMTP_USE_SSL,
      ignoreTLS: !SMTP_USE_SSL,
      ...(SMTP_USER && SMTP_PASSWORD && { auth: { user: SMTP_USER, pass: SMTP_PASSWORD } }),
      connectionTimeout: timeout,
      greetingTimeout: timeout,
      socketTimeout: timeout,
    });
  }

  /** One try. Never throws: whatever happens is an outcome. */
  async send({ body, messageId }: ClaimedDelivery): Promise<Attempt> {
    if (!this.transport) return { kind: 'error', error: new MailFailure('SMTP_HOST and SMTP_FROM are not set') };
    try {
      const mail = JSON.parse(body) as RunMail;
      await this.transport.sendMail({
        from: this.configuration.SMTP_FROM,
        to: { name: '', address: mail.address },
        // the same on every try: a server that has taken it once can tell
        messageId: `<${messageId}@task-engine>`,
        disableFileAccess: true,
        disableUrlAccess: true,
        ...mailOf(mail, this.configuration.FASTLANE_SERVER_NAME),
      });
      return { kind: 'answer', status: 250, headers: {}, body: Buffer.alloc(0) };
    } catch (error) {
      return { kind: 'error', error: new MailFailure(describe(error), { cause: error }) };
    }
  }

  close(): void {
    this.transport?.close();
  }
}

/** What the server or the connection said, without addresses of ours. */
function describe(error: unknown): string {
  const { responseCode, code } = error as { responseCode?: number; code?: string };
  if (responseCode !== undefined) return `the mail server answered ${responseCode}`;
  return `the mail could not be sent (${code ?? 'no answer'})`;
}
