import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { base36 } from 'multiformats/bases/base36';
import { CID } from 'multiformats/cid';

import { parseAsked, pathBelow } from '../../api/gateway-request.ts';
import { createContentKey } from '../fixtures/create-pins.ts';

const KEY = createContentKey(1);

/** What an HTTP server that decodes a path once makes of it. */
function stepsOf(path: string): string[] {
  return path.split('/').map(decodeURIComponent);
}

const nameOfAFile = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
  .filter((name) => !/[/\p{Cc}]/u.test(name) && name.isWellFormed() && name !== '.' && name !== '..');

testProp('the tier gets the very names that were asked for', [fc.array(nameOfAFile, { maxLength: 5 }), fc.boolean()], (t, names, slash) => {
  const path = `/ipfs/${KEY}${names.map((name) => `/${encodeURIComponent(name)}`).join('')}${slash ? '/' : ''}`;
  t.deepEqual(stepsOf(parseAsked(path)?.path ?? ''), ['', 'ipfs', KEY, ...names, ...(slash ? [''] : [])]);
});

testProp(
  'whatever comes is refused, or leads below the CID it names',
  [
    fc.array(
      fc.constantFrom('/', '.', '..', '%2e', '%2E%2e', '%2f', '%5c', '\\', 'a', '%00', '%', '%25', '%c3%28', ';', ':', '?', '&', '#', 'é'),
    ),
  ],
  (t, parts) => {
    const target = `/ipfs/${KEY}/${parts.join('')}`;
    let path: string;
    try {
      path = parseAsked(target)?.path ?? '';
    } catch (error) {
      t.true(error instanceof Error);
      return;
    }
    t.regex(path, /^[\x21-\x7e]+$/);
    const steps = stepsOf(path);
    t.deepEqual(steps.slice(0, 3), ['', 'ipfs', KEY]);
    t.false(steps.slice(3, -1).some((step) => step === '' || step === '.' || step === '..' || step.includes('/') || step.includes('\0')));
  },
);

for (const steps of [
  '..',
  '.',
  'a/../b',
  '%2e%2e',
  '%2E.',
  'a/%2e/b',
  '..%2f',
  '%2f',
  'a%2Fb',
  'a%00',
  '%01',
  '%0a',
  '%ff',
  '%',
  '%zz',
  'a#b',
]) {
  test(`${steps} in a path is refused before the tier sees it`, (t) => {
    t.throws(() => parseAsked(`/ipfs/${KEY}/${steps}`), { message: /path/ });
  });
}

test('a name that was encoded twice stays encoded once for the tier', (t) => {
  t.is(parseAsked(`/ipfs/${KEY}/%252e%252e/x`)?.path, `/ipfs/${KEY}/%252e%252e/x`);
});

test('slashes that follow on each other are one, and one at the end stays', (t) => {
  t.is(parseAsked(`/ipfs/${KEY}//a///b//`)?.path, `/ipfs/${KEY}/a/b/`);
  t.like(parseAsked(`/ipfs/${KEY}/`), { path: `/ipfs/${KEY}/`, hasSteps: false });
});

test('what is not below /ipfs is not ours', (t) => {
  for (const target of ['/', '/ipns/example.org', '/routing/v1/providers/x', '/api/v0/id', '/IPFS/x', '/ipfsx', '*', `//ipfs/${KEY}`]) {
    t.is(parseAsked(target), undefined, target);
  }
});

test('what is no CID is refused, and so is a path without end', (t) => {
  for (const target of ['/ipfs', '/ipfs/', '/ipfs//', '/ipfs/zzz', '/ipfs/Qm', `/ipfs/${'b'.repeat(600)}`, '/ipfs/..', '/ipfs/%2e%2e/x']) {
    t.throws(() => parseAsked(target), undefined, target);
  }
  t.throws(() => parseAsked(`/ipfs/${KEY}/${'a'.repeat(5_000)}`), { message: /at most 4096/ });
});

test('a CID is one content in every version and base', (t) => {
  const cid = CID.parse(KEY);
  t.is(parseAsked(`/ipfs/${cid.toString(base36)}`)?.contentKey, KEY);
  t.is(
    parseAsked('/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn')?.contentKey,
    'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354',
  );
});

test('of the query the tier sees what the gateway specification knows, once, and nothing of ours', (t) => {
  const asked = parseAsked(
    `/ipfs/${KEY}?format=car&expires=1&account=a&signature=s&format=raw&dag-scope=block&uri=x&filename=a+b%26c&x=%3B`,
  );
  t.is(asked?.tierQuery, '?format=car&filename=a%20b%26c&dag-scope=block');
  t.deepEqual(asked?.link, { account: 'a', expires: '1', signature: 's' });
  t.is(parseAsked(`/ipfs/${KEY}?expires=1&account=a`)?.link, undefined, 'without a signature it is no link');
  t.throws(() => parseAsked(`/ipfs/${KEY}?signature=a&signature=b`), { message: /more than once/ });
  t.throws(() => parseAsked(`/ipfs/${KEY}?format=%zz`), { message: /percent-encoded/ });
});

test('the path of a link is written out as it will be asked for', (t) => {
  t.is(pathBelow(''), '');
  t.is(pathBelow('/a b/c%d'), '/a%20b/c%25d');
  t.is(pathBelow('dir/'), '/dir/');
  for (const path of ['..', 'a/../b', 'a\0', 'a'.repeat(5_000)]) t.throws(() => pathBelow(path));
});
