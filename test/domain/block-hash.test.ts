import { blake2b } from '@noble/hashes/blake2.js';
import { blake3 } from '@noble/hashes/blake3.js';
import test from 'ava';
import { CID } from 'multiformats/cid';
import { create as createDigest } from 'multiformats/hashes/digest';

import { isBlockOf } from '../../daemon/domain/block-hash.ts';

const bytes = Buffer.from('a block');

for (const [name, code, digest] of [
  ['sha2-256', 0x12, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['sha1', 0x11, 'a9993e364706816aba3e25717850c26c9cd0d89d'],
  ['sha3-256', 0x16, '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532'],
  ['keccak-256', 0x1b, '4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45'],
  ['blake2b-256', 0xb220, 'bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319'],
  ['blake2s-256', 0xb260, '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982'],
  ['blake3', 0x1e, '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85'],
  ['dbl-sha2-256', 0x56, '4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358'],
] as const) {
  test(`${name} is the hash that others know`, (t) => {
    const cid = CID.createV1(0x55, createDigest(code, Buffer.from(digest, 'hex')));
    t.true(isBlockOf(cid, Buffer.from('abc')));
    t.false(isBlockOf(cid, Buffer.from('abd')));
    t.false(isBlockOf(cid, Buffer.alloc(0)));
  });
}

test('an identity CID names its own bytes and nothing longer or shorter', (t) => {
  const cid = CID.createV1(0x55, createDigest(0x00, bytes));
  t.true(isBlockOf(cid, bytes));
  t.false(isBlockOf(cid, bytes.subarray(0, 3)));
  t.false(isBlockOf(cid, Buffer.concat([bytes, bytes])));
});

test('the beginning of a hash is enough, unless it is so short that others could be found', (t) => {
  const named = (length: number): CID => CID.createV1(0x55, createDigest(0x1e, blake3(bytes).subarray(0, length)));
  t.true(isBlockOf(named(20), bytes));
  t.is(isBlockOf(named(19), bytes), undefined);
});

test('of a hash function that is not known nothing is said', (t) => {
  t.is(isBlockOf(CID.createV1(0x55, createDigest(0x22, blake2b(bytes))), bytes), undefined);
});
