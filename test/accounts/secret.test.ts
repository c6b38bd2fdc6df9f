import { fc, testProp } from '@fast-check/ava';
import test from 'ava';

import { encodeSecret, hashSecret, isWellFormedSecret } from '../../daemon/accounts/secret.ts';

const randomBytes = fc.uint8Array({ minLength: 32, maxLength: 32 });
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

testProp('every secret is well-formed, begins with fbp_ and is one shell word', [randomBytes], (t, bytes) => {
  const secret = encodeSecret(bytes);
  t.true(isWellFormedSecret(secret));
  t.regex(secret, /^fbp_[1-9A-HJ-NP-Za-km-z]{36,50}$/);
});

testProp(
  'a secret with one character mistyped is not well-formed',
  [randomBytes, fc.nat(), fc.constantFrom(...BASE58)],
  (t, bytes, place, other) => {
    const secret = encodeSecret(bytes);
    const at = 4 + (place % (secret.length - 4));
    const mistyped = secret.slice(0, at) + other + secret.slice(at + 1);
    t.is(isWellFormedSecret(mistyped), mistyped === secret);
  },
);

testProp('a secret cut short or run on is not well-formed', [randomBytes, fc.nat(), fc.constantFrom(...BASE58)], (t, bytes, cut, more) => {
  const secret = encodeSecret(bytes);
  t.false(isWellFormedSecret(secret.slice(0, cut % secret.length)));
  t.false(isWellFormedSecret(secret + more));
});

testProp(
  'any other text is not well-formed, and does not throw',
  [
    fc.oneof(
      fc.string(),
      fc.string().map((text) => `fbp_${text}`),
    ),
  ],
  (t, text) => {
    t.false(isWellFormedSecret(text));
  },
);

test('secrets that begin with zero bytes keep them', (t) => {
  const bytes = new Uint8Array(32);
  bytes[31] = 7;
  t.true(isWellFormedSecret(encodeSecret(bytes)));
  t.not(encodeSecret(bytes), encodeSecret(new Uint8Array(32)));
});

test('the hash is SHA-256 in hex', (t) => {
  t.is(hashSecret('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});
