import test from 'ava';

import { blsSigner, failuresOf, receiptOf, secpSigner, threeContents, withFlipped } from './create-receipt.ts';

/** Of one receipt the eight bits of each byte; of one with a BLS signature, whose check takes long, one byte in seven. */
for (const [name, signer, every] of [
  ['secp256k1', secpSigner('one'), 1],
  ['BLS', blsSigner(7), 7],
] as const) {
  test(`every flipped bit of a receipt is found, its proposal signed with ${name}`, async (t) => {
    t.timeout(600_000);
    const world = await threeContents(t);
    await world.addDeal(1, signer, { publishCid: 'bafy2bzacedpublish' });
    const text = JSON.stringify(await receiptOf(world), null, 2);
    t.deepEqual(failuresOf(text), []);
    for (let at = 0; at < text.length; at += every)
      for (let bit = 1; bit < 256; bit *= 2)
        if (failuresOf(withFlipped(text, { at, bit })).length === 0)
          return t.fail(`bit ${bit} of byte ${at}: ${text.slice(at - 30, at + 30)}`);
    t.pass();
  });
}
