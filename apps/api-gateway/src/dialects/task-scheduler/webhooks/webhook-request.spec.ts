import type { Refusal } from '../http/refusal';
import { examples } from '../openapi/examples';
import { newWebhook } from './webhook-request';

const VALID = { url: 'https://example.com/', events: ['task.created'] };

function detailsOf(body: Record<string, unknown>): unknown {
  try {
    newWebhook(body);
  } catch (error) {
    expect(error).toMatchObject({ code: 'validation_error', status: 422 });
    return (error as Refusal).details;
  }
  return 'accepted';
}

describe('newWebhook', () => {
  it('reads url, events and secret; each event once', () => {
    expect(newWebhook(examples.newWebhook)).toEqual(examples.newWebhook);
    expect(newWebhook({ ...VALID, events: ['task.created', 'task.created'] })).toEqual({
      ...VALID,
      secret: null,
    });
  });

  it.each<[string, unknown[]]>([
    [
      'url',
      [undefined, null, '', 5, 'example.com', 'ftp://example.com', 'file:///etc/passwd', 'http://', 'http://a b/'],
    ],
    [
      'url',
      [
        'http://user@example.com',
        'https://user:pw@example.com/',
        'javascript:alert(1)',
        'http://example.com/\n',
        'http://exam\nple.com/',
        'http://example.com/a b',
        `http://a/${'x'.repeat(2_048)}`,
      ],
    ],
    [
      'events',
      [undefined, null, [], 'task.created', {}, [5], [null], ['task.unknown'], ['task.created', 'x'], ['Task.Created']],
    ],
    ['secret', ['', 5, {}, [], 'x'.repeat(256)]],
  ])('refuses %s otherwise', (field, values) => {
    for (const value of values)
      expect({ value, details: detailsOf({ ...VALID, [field]: value }) }).toEqual({
        value,
        details: { [field]: expect.any(String) },
      });
  });
});
