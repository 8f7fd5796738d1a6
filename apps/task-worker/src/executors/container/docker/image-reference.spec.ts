import { parseImage } from './image-reference';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('an image', () => {
  it.each([
    ['ubuntu', 'ubuntu', 'latest'],
    ['ubuntu:18.04', 'ubuntu', '18.04'],
    ['library/ubuntu', 'library/ubuntu', 'latest'],
    ['registry:5000/x', 'registry:5000/x', 'latest'],
    ['registry:5000/x:1', 'registry:5000/x', '1'],
    ['registry.example.com/team/a/b_c__d-e.f:v1.2-rc', 'registry.example.com/team/a/b_c__d-e.f', 'v1.2-rc'],
    ['[2001:db8::1]:5000/x:1', '[2001:db8::1]:5000/x', '1'],
    ['Registry.Example/x', 'Registry.Example/x', 'latest'],
    [`ubuntu@${DIGEST}`, 'ubuntu', DIGEST],
    [`registry:5000/x:1@${DIGEST}`, 'registry:5000/x', DIGEST],
  ])('%s is %s in version %s', (image, name, version) => {
    expect(parseImage(image)).toEqual({
      name,
      version,
      text: `${name}${version.includes(':') ? '@' : ':'}${version}`,
    });
  });

  it.each([
    '',
    ' ',
    'Ubuntu',
    'a b',
    'a:',
    'a:b:c',
    ':1',
    'a/',
    '/a',
    'a//b',
    '../../containers/x',
    'a/../b',
    'a?x=1',
    'a#b',
    'a%2fb',
    'a@sha256:12',
    `a${'x'.repeat(600)}`,
  ])('%j is none, so it never becomes part of a URL', (image) => {
    expect(parseImage(image)).toBeUndefined();
  });
});
