import test from 'ava';

import { type DealNames, reportOf, sendReplyOf, statusOf } from '../../../daemon/cold/makers/mk12/answers.ts';
import type { DealStatus } from '../../../daemon/cold/makers/mk12/messages.ts';
import { servedBytes } from '../../../daemon/cold/makers/mk12/served-bytes.ts';
import { ColdError, type RefusalKind } from '../../../daemon/domain/cold-ports.ts';

const NAMES: DealNames = {
  uuid: '2d213ad6-72a1-4804-b39a-0951940bcbb8',
  unsignedCid: 'bafy2bzacecrtml2h4dfxjzxga3jqrpnnpfvr7tjjk6umrn7v3akt7no4rsiu4',
  signedCid: 'bafyreihwfnp76vg6wgremkgsx77qhp34by5nwyxjderuguv33o33iwbyxi',
};

const refusal = (message: string) => sendReplyOf({ accepted: false, message }, NAMES);

/** In the words of Boost v2.5.2 and v2.2.0, of Curio v1.28.4, and of filters that are in use. */
const WORDS: readonly (readonly [RefusalKind, string])[] = [
  ['price', 'failed validation: storage price per epoch less than asking price: 1 < 97656'],
  ['size', 'failed validation: piece size less than minimum required size: 256 < 17179869184'],
  ['size', 'failed validation: piece size more than maximum allowed size: 68719476736 > 34359738368'],
  ['terms', 'failed validation: deal start epoch 1 has already elapsed (current epoch: 2080)'],
  ['terms', 'failed validation: deal duration out of bounds (min, max, provided): 518400, 3680640, 10'],
  ['terms', 'failed validation: invalid deal end epoch 9: cannot be more than 3680640 past current epoch 5'],
  ['terms', 'failed validation: proposed provider collateral 1 below minimum 2'],
  ['terms', 'failed validation: proposed provider collateral above maximum: 3 > 2'],
  ['terms', 'online deals are not allowed on this provider'],
  ['terms', 'libp2p URLs are not supported by this provider'],
  ['not_allowed', 'client not allowed by provider'],
  ['not_allowed', 'Unknown client, please contact the provider for an introduction'],
  ['not_allowed', 'The client wallet is blocked'],
  ['funds', 'failed validation: client available funds in escrow 0 not enough to meet storage cost for deal 100'],
  ['funds', 'failed validation: clientMarketBalance.Available too small: 0 < 100'],
  ['funds', 'failed validation: verified deal DataCap 1 too small for proposed piece size 256'],
  ['funds', 'failed validation: client is not a verified client'],
  ['busy', 'deal rejected due to backpressure. Please retry in some time.'],
  [
    'busy',
    'deal rejected as cumulative size of deals in past 1 hour has reached the maximum allowed for the client, please retry in some time',
  ],
  ['busy', 'server error: provider has no space left for storage deals'],
  ['busy', 'server error: provider has insufficient funds to accept deal'],
  ['busy', 'failed validation: server error: getting market balance'],
  ['busy', 'internal server error: failed to apply backpressure'],
  ['busy', 'miner f01000 is overloaded: too many deals in progress, try again later'],
  ['busy', 'The provider is in maintenance mode'],
  ['other', 'failed validation: server error: validating signature'],
  ['other', 'failed validation: invalid signature'],
  ['other', 'heute nicht'],
  ['other', ''],
];

test('what providers say against a deal is told by its kind, and words never seen are other', (t) => {
  for (const [why, message] of WORDS) t.like(refusal(message), { kind: 'refused', why }, message);
  const { said } = refusal('') as { said: string };
  t.not(said, '');
});

test('that it has the deal already is no refusal, if it is that one', (t) => {
  const at = '(proposed at 2026-11-22 11:11:03.475582724 +0000 UTC)';
  const other = '014118fc-68ee-4a0e-894b-9f5571a8d40c';
  t.is(refusal(`deal proposal is identical to deal ${NAMES.uuid} ${at}`).kind, 'sent');
  t.is(refusal(`deal has the same uuid as deal ${NAMES.uuid} ${at}`).kind, 'sent');
  t.is(refusal(`store deal: market deal with the same proposalCID ${NAMES.unsignedCid} already exists: 1`).kind, 'sent');
  t.is(refusal('store deal: store deal success: updated 0 rows instead of 1').kind, 'sent');
  t.is(refusal(`deal proposal is identical to deal ${other} ${at}`).kind, 'refused');
  t.is(refusal(`store deal: market deal with the same proposalCID ${NAMES.signedCid} already exists: 1`).kind, 'refused');
});

test('a no after the deal may have been written down leaves open what became of it', (t) => {
  const messages = [
    'server error: save to db',
    'server error: starting deal thread',
    'server error: creating deal handler',
    'store deal: could not commit the transaction',
    'store deal: inserting deal into deal pipeline: timeout',
  ];
  for (const message of messages) t.throws(() => refusal(message), { instanceOf: ColdError, message: /does not say whether/ }, message);
});

const STATUS: DealStatus = { error: '', status: 'Accepted', sealingStatus: 'Proving', signedProposalCid: NAMES.signedCid, chainDealId: 0 };

test('a deal is known by its UUID and its proposal', (t) => {
  t.is(statusOf({ uuid: NAMES.uuid, error: '', deal: STATUS }, NAMES), STATUS);
  for (const error of [`no storage deal found with deal UUID ${NAMES.uuid}`, 'failed to get sealed deal status'])
    t.is(statusOf({ uuid: NAMES.uuid, error }, NAMES), undefined);
  const lies = [
    { uuid: '014118fc-68ee-4a0e-894b-9f5571a8d40c', error: '', deal: STATUS },
    { uuid: NAMES.uuid, error: '', deal: { ...STATUS, signedProposalCid: NAMES.unsignedCid } },
    { uuid: NAMES.uuid, error: 'signature verification failed' },
    { uuid: NAMES.uuid, error: 'failed to fetch deal status' },
    { uuid: NAMES.uuid, error: '' },
  ];
  for (const lie of lies) t.is(t.throws<ColdError>(() => statusOf(lie, NAMES), { instanceOf: ColdError })?.failure, 'unreachable');
});

test('checkpoints of Boost and Curio are told apart by how far they are', (t) => {
  const states = (names: readonly string[]) => names.map((status) => (reportOf({ ...STATUS, status }) as { state: string }).state);
  t.deepEqual(states(['Accepted', 'Transferred', 'Processing']), ['accepted', 'accepted', 'accepted']);
  t.deepEqual(
    new Set(
      states(['Published', 'PublishConfirmed', 'AddedPiece', 'IndexedAndAnnounced', 'Complete', 'Sealing', 'Sealed', 'Sealed and Indexed']),
    ),
    new Set(['published']),
  );
  t.deepEqual(
    reportOf(STATUS),
    { kind: 'going', state: 'accepted', said: 'accepted, the data is to be fetched' },
    'Proving proves nothing',
  );
  t.like(reportOf({ ...STATUS, status: 'Singing' }), { kind: 'going', state: 'accepted', said: 'Singing (Proving)' });
  t.like(reportOf({ ...STATUS, status: 'Singing', chainDealId: 7 }), { state: 'published', chainDealId: 7 });
  t.like(reportOf({ ...STATUS, status: 'constructor' }), { kind: 'going', state: 'accepted' });
});

test('that it failed, says the provider; the chain decides', (t) => {
  const error = 'failed to publish deal';
  t.deepEqual(reportOf({ ...STATUS, error, publishCid: NAMES.unsignedCid, chainDealId: 0 }), {
    kind: 'doubtful',
    said: error,
    publishCid: NAMES.unsignedCid,
  });
});

test('so many bytes are served that the piece is the smallest that they fit into', (t) => {
  t.is(servedBytes({ carSizeBytes: 300_000_000, pieceSizeBytes: 2 ** 29 }), 300_000_000);
  t.is(servedBytes({ carSizeBytes: 1_000, pieceSizeBytes: 2 ** 34 }), (2 ** 33 / 128) * 127 + 1);
  t.is(servedBytes({ carSizeBytes: 100, pieceSizeBytes: 256 }), 128);
  t.is(servedBytes({ carSizeBytes: 127, pieceSizeBytes: 128 }), 127);
});
