import { Field, OptionalField } from './field';
import { isListOf, isText, isWebhookUrl } from './values';

/** Body of POST /api/webhooks; which events there are is for the API to say. */
export class CreateWebhookDto {
  @Field(isWebhookUrl, 'must be an http or https URL of up to 2048 characters without a name and a password')
  url!: string;

  @Field(
    (value) => isListOf(value, 100, (event) => typeof event === 'string') && (value as string[]).length > 0,
    'must be a list of at least one event',
  )
  events!: string[];

  @OptionalField((value) => value === null || isText(value, 1, 255), 'must be a text of 1 to 255 characters')
  secret?: string | null;
}
