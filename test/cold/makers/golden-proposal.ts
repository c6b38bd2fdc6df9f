import type { Proposal } from '../../../daemon/cold/chain/proposal.ts';

/** A proposal whose CBOR was computed by Go code of Filecoin's. */
export const GOLDEN: Proposal = {
  pieceCid: 'baga6ea4seaqdtkumidcuhrma7tfhltmfwu65sbqpp57rzjqvcofzmkqgzfrxidi',
  pieceSizeBytes: 536_870_912,
  verified: false,
  client: 'f1ch3k3dwffiuyjk5k7v6dwulfan4fyidsc4lgg4i',
  provider: 'f01234',
  label: 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi',
  startEpoch: 5_500_000,
  endEpoch: 6_018_400,
  pricePerEpochAtto: 25_000_000n,
  providerCollateralAtto: 123_456_789_012_345_678n,
  clientCollateralAtto: 0n,
};
