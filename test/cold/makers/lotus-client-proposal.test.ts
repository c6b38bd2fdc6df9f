import test from 'ava';
import type { Proposal } from '../../../daemon/cold/chain/proposal.ts';
import { providerCollateralAtto } from '../../../daemon/cold/makers/collateral.ts';
import { dealEndEpoch, unpaddedSizeBytes } from '../../../daemon/cold/makers/lotus-client/terms.ts';
import { labelOf, proposalBytes, signedProposalCid } from '../../../daemon/cold/makers/proposal.ts';
import { GOLDEN } from './golden-proposal.ts';

const GOLDEN_HEX =
  '8bd82a5828000181e20392202039aa8c40c543c580fcca75cd85b53dd9060f7f7f1ca615138b962a06c963740d1a20000000f4550111f6ad8ec52a2984abaafd7c3b516503785c20724300d209783b62616679626569676479727a74357366703775646d37687537367568377932366e6633656675796c71616266336f636c67747179353566627a64691a0053ec601a005bd5604500017d7840490001b69b4ba630f34e40';

/** A proposal that a real wallet signed and a real provider named by the CID of its signed form. */
const SIGNED: Proposal = {
  pieceCid: 'baga6ea4seaqo2evzjuzuu4hoisfjh2yylu4vleqocm3me2xupo3mpp32zf642mi',
  pieceSizeBytes: 2_097_152,
  verified: false,
  client: 'f3rxlrioldlyptjghjdneejwsotfs27wddaexygzy4tjbhxgmtilicpbwarprlq2cfskd7xqhqwllhve6hnzta',
  provider: 'f01000',
  label: 'bafk2bzacecsv3ddu4ikgl3rkcnipqsrv57337snskcpyaffjwt77bx6b6jcx2',
  startEpoch: 5_079,
  endEpoch: 523_479,
  pricePerEpochAtto: 100_000_000n,
  providerCollateralAtto: 0n,
  clientCollateralAtto: 0n,
};
const SIGNATURE =
  'kdelhOgUWl/MmL5IxJLWF5rCe0lu+LzKGnvgUrd/IwA8tNDyG8eYQr3o/VUG24OtFjziI5ec6BBlXDdZTMIAviyrLrIWo33qJ2LCu4yGl09MyBYa5ZHKWtf5vAX2c63r';

test("a proposal's CBOR is Filecoin's, byte for byte", (t) => {
  t.is(Buffer.from(proposalBytes(GOLDEN)).toString('hex'), GOLDEN_HEX);
});

test('the CID of a signed proposal is the one that a real provider named it by', (t) => {
  const cid = signedProposalCid(SIGNED, { type: 2, data: Buffer.from(SIGNATURE, 'base64') });
  t.is(cid, 'bafyreihwfnp76vg6wgremkgsx77qhp34by5nwyxjderuguv33o33iwbyxi');
});

test('a proposal promises no negative amount', (t) => {
  t.throws(() => proposalBytes({ ...GOLDEN, pricePerEpochAtto: -1n }), { instanceOf: RangeError });
});

test("the label is the root as Lotus's client wrote it on the chain", (t) => {
  const onChain = 'mAVWg5AIgpV2MdOIUZe4qE1D4SjXv97/JslCfgBSptP/w38HyRX0';
  t.is(labelOf('bafk2bzacecsv3ddu4ikgl3rkcnipqsrv57337snskcpyaffjwt77bx6b6jcx2'), onChain);
  t.is(labelOf('QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG'), 'QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG');
});

test('the end is the one that Lotus computed: on a network younger than a proving period, and on an older one', (t) => {
  // The recorded deal 34 of f01000, whose period start was -2222 then.
  t.is(dealEndEpoch(23_078, 518_400, { lengthEpochs: 2_880, startEpoch: -2_222 }), 542_097);
  // The same provider, the same period, once it has begun: Go's remainder moves it by a whole period.
  t.is(dealEndEpoch(23_078, 518_400, { lengthEpochs: 2_880, startEpoch: 658 }), 542_097 + 2_880);
  t.is(dealEndEpoch(23_078, 518_400, { lengthEpochs: 2_880, startEpoch: 658 + 2_880 * 100 }), 542_097 + 2_880);
});

test('a deal never ends before its least duration, whatever the period', (t) => {
  for (const startEpoch of [-2_879, -1_440, -1, 0, 1, 1_440, 2_879, 1_000_000])
    for (const duration of [518_400, 518_401, 520_000]) {
      const end = dealEndEpoch(5_000, duration, { lengthEpochs: 2_880, startEpoch });
      t.true(end >= 5_000 + duration && end < 5_000 + duration + 3 * 2_880);
    }
});

test('collateral is six fifths of the least, nothing of nothing, and never above the most', (t) => {
  t.is(providerCollateralAtto({ minAtto: 101n, maxAtto: 1_000n }), 121n);
  t.is(providerCollateralAtto({ minAtto: 0n, maxAtto: 1_000n }), 0n);
  t.is(providerCollateralAtto({ minAtto: 1_000n, maxAtto: 1_100n }), 1_100n);
});

test('the size that Lotus wants is the unpadded one', (t) => {
  t.is(unpaddedSizeBytes(1_048_576), 1_040_384);
  t.is(unpaddedSizeBytes(128), 127);
});
