import { decode } from '../json/decode';
import { newTask, SUBMISSION } from './task-submission';

const read = (fields: string) => newTask(decode(Buffer.from(`{"project":1,"recipe":"r"${fields}}`), SUBMISSION));

describe('newTask', () => {
  it('needs a project and a recipe only', () => {
    expect(read('')).toEqual({
      recipe: 'r',
      maxRetries: 0,
      priority: 0,
      maxAssignSeconds: 0n,
      hash: null,
      verifications: 1,
    });
  });

  it('takes null for what is not given', () => {
    const nulls = ['max_retries', 'priority', 'max_assign_time', 'hash64', 'hash_u64', 'unique_string', 'unique_str'];
    expect(read(nulls.map((name) => `,"${name}":null`).join(''))).toEqual(read(''));
    expect(read(',"verification_count":null')).toEqual(read(''));
  });

  it.each(['hash64', 'hash_u64'])('takes the hash from %s, with all its digits', (name) => {
    expect(read(`,"${name}":9223372036854775807`)?.hash).toBe(9223372036854775807n);
    expect(read(`,"${name}":-9223372036854775808`)?.hash).toBe(-9223372036854775808n);
    expect(read(`,"${name}":0`)?.hash).toBeNull();
  });

  it.each(['unique_string', 'unique_str'])('hashes the text of %s', (name) => {
    expect(read(`,"${name}":"Hello, world"`)?.hash).toBe(8565956259293726066n);
    expect(read(`,"${name}":"This one should work"`)?.hash).toBe(-383734471695024599n);
    expect(read(`,"${name}":""`)?.hash).toBeNull();
  });

  it('takes both names of a thing when they say the same, or one says nothing', () => {
    expect(read(',"hash64":0,"hash_u64":5')?.hash).toBe(5n);
    expect(read(',"hash64":5,"hash_u64":5')?.hash).toBe(5n);
    expect(read(',"unique_str":"a","unique_string":"a"')?.hash).toBe(5158252350249958646n);
    expect(read(',"hash64":0,"unique_string":"a"')?.hash).toBe(5158252350249958646n);
  });

  it.each([
    ',"project":0',
    ',"recipe":""',
    ',"max_retries":-1',
    ',"hash64":1,"unique_string":"a"',
    ',"hash_u64":1,"unique_str":"a"',
    ',"hash64":1,"hash_u64":2',
    ',"unique_str":"a","unique_string":"b"',
  ])('is nothing for %s', (fields) => expect(read(fields)).toBeUndefined());

  it('counts a verification that is not asked for as one, and keeps the rest', () => {
    expect(read(',"verification_count":0')?.verifications).toBe(1);
    expect(read(',"verification_count":2')?.verifications).toBe(2);
    expect(read(',"verification_count":-3')?.verifications).toBe(-3);
  });
});
