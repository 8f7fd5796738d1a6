/** SMTP is not set up, or its server refuses the mail. The message may be shown. */
export class MailFailure extends Error {
  override name = 'MailFailure';
}
