import test from 'ava';

import { createKeySigner, parseExportedKey } from '../../daemon/cold/wallet/key-file.ts';
import { ColdError } from '../../daemon/domain/cold-ports.ts';
import { isSignedBy, keyOf, sign } from '../devnet/keys.ts';

const never = new AbortController().signal;

function exported(fields: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(fields)).toString('hex');
}

test('a key as Lotus exports it signs what Lotus would sign, as the same address', async (t) => {
  const key = keyOf('a wallet');
  const { address, signer } = createKeySigner(
    parseExportedKey(`${exported({ Type: 'secp256k1', PrivateKey: Buffer.from(key.secret).toString('base64') })}\n`),
  );
  t.is(address, key.address);
  t.is(await signer.address(never), key.address);
  for (const text of ['', 'a proposal', 'x'.repeat(10_000)]) {
    const signature = await signer.sign(Buffer.from(text), never);
    t.deepEqual(signature, { ...sign(key, Buffer.from(text)), data: sign(key, Buffer.from(text)).data });
    t.true(isSignedBy(key.address, Buffer.from(text), signature));
  }
  t.is(await signer.problem(never), undefined);
  await t.throwsAsync(signer.sign(Buffer.from('x'), AbortSignal.abort()), { instanceOf: ColdError });
});

const SECRET = Buffer.from(keyOf('a secret').secret).toString('base64');
const BAD: Readonly<Record<string, string>> = {
  nothing: '',
  'no hex': 'not hex at all',
  'half a byte': 'abc',
  'hex of no JSON': Buffer.from(`{"PrivateKey":"${SECRET}"`).toString('hex'),
  'a BLS key': exported({ Type: 'bls', PrivateKey: SECRET }),
  'no key': exported({ Type: 'secp256k1' }),
  'a short key': exported({ Type: 'secp256k1', PrivateKey: SECRET.slice(0, 20) }),
  'a key of zeros': exported({ Type: 'secp256k1', PrivateKey: Buffer.alloc(32).toString('base64') }),
  null: Buffer.from('null').toString('hex'),
};

for (const [what, text] of Object.entries(BAD))
  test(`no key, and nothing of it is told: ${what}`, (t) => {
    const error = t.throws(() => parseExportedKey(text), { instanceOf: TypeError });
    t.false(error?.message.includes(SECRET.slice(0, 8)));
    t.false(text !== '' && (error?.message.includes(text.slice(0, 8)) ?? false));
    t.is(error?.cause, undefined);
  });
