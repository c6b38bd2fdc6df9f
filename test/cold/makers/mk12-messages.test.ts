import { readFile } from 'node:fs/promises';

import test from 'ava';
import { CID } from 'multiformats/cid';

import type { Proposal } from '../../../daemon/cold/chain/proposal.ts';
import { CborReply } from '../../../daemon/cold/makers/mk12/cbor.ts';
import {
  askRequestBytes,
  dealEnvelope,
  dealParamsBytes,
  type ProposeVersion,
  readAskResponse,
  readDealResponse,
  readStatusResponse,
  readTransports,
  statusRequestBytes,
  uuidBytes,
} from '../../../daemon/cold/makers/mk12/messages.ts';
import { proposalBytes, signedProposal, signedProposalCid, unsignedProposalCid } from '../../../daemon/cold/makers/proposal.ts';
import { ColdError } from '../../../daemon/domain/cold-ports.ts';
import { GOLDEN } from './golden-proposal.ts';
import { askBytes, readAskRequest, readDealParams, readStatusRequest, responseBytes, statusBytes, transportsBytes } from './mk12-wire.ts';

/** Bytes of real streams between a client of Boost's and a Boost provider, with what they say. */
interface Recorded {
  name: string;
  protocol: string;
  out_hex: string;
  in_hex: string;
  out: Record<string, unknown>;
  in: Record<string, unknown>;
}

const RECORDED = JSON.parse(await readFile(new URL('../../fixtures/boost-mk12/wire-libp2p.json', import.meta.url), 'utf8')) as Recorded[];
const proposals = RECORDED.filter(({ protocol }) => protocol.startsWith('/fil/storage/mk/'));
const statuses = RECORDED.filter(({ protocol }) => protocol.startsWith('/fil/storage/status/'));

interface Link {
  '/': string;
}

interface RecordedProposal {
  PieceCID: Link;
  PieceSize: number;
  VerifiedDeal: boolean;
  Client: string;
  Provider: string;
  Label: string;
  StartEpoch: number;
  EndEpoch: number;
  StoragePricePerEpoch: string;
  ProviderCollateral: string;
  ClientCollateral: string;
}

interface RecordedSignature {
  Type: number;
  Data: string;
}

const MESSAGE = 'bafy2bzacedctfk6ziqyjfth4sser63ynzveu5xkrrq5h2jz5eo5sxrgsjadb2';

function proposalOf(recorded: RecordedProposal): Proposal {
  return {
    pieceCid: recorded.PieceCID['/'],
    pieceSizeBytes: recorded.PieceSize,
    verified: recorded.VerifiedDeal,
    client: recorded.Client,
    provider: recorded.Provider,
    label: recorded.Label,
    startEpoch: recorded.StartEpoch,
    endEpoch: recorded.EndEpoch,
    pricePerEpochAtto: BigInt(recorded.StoragePricePerEpoch),
    providerCollateralAtto: BigInt(recorded.ProviderCollateral),
    clientCollateralAtto: BigInt(recorded.ClientCollateral),
  };
}

function signatureOf({ Type, Data }: RecordedSignature) {
  return { type: Type, data: Buffer.from(Data, 'base64') };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function replyOf(text: string, chunkBytes = Number.POSITIVE_INFINITY): unknown {
  const bytes = Buffer.from(text, 'hex');
  const reply = new CborReply();
  for (let at = 0; at < bytes.length; at += chunkBytes) reply.push(bytes.subarray(at, at + chunkBytes));
  return reply.value();
}

test('a proposal is called as Go calls it', (t) => {
  t.is(unsignedProposalCid(GOLDEN), 'bafy2bzacecrtml2h4dfxjzxga3jqrpnnpfvr7tjjk6umrn7v3akt7no4rsiu4');
  t.is(hex(proposalBytes(GOLDEN)).slice(0, 20), '8bd82a5828000181e203');
});

for (const { name, protocol, out, out_hex } of proposals)
  test(`${name}: what a real client said is what we say`, (t) => {
    const { Proposal: proposal, ClientSignature } = out.ClientDealProposal as {
      Proposal: RecordedProposal;
      ClientSignature: RecordedSignature;
    };
    const transfer = out.Transfer as { Type: string; ClientID: string; Params: string; Size: number };
    const params = {
      DealUUID: uuidBytes(out.DealUUID as string),
      IsOffline: out.IsOffline,
      ClientDealProposal: signedProposal(proposalOf(proposal), signatureOf(ClientSignature)),
      DealDataRoot: CID.parse((out.DealDataRoot as Link)['/']),
      Transfer: { ...transfer, Params: Buffer.from(transfer.Params) },
    };
    t.is(hex(dealEnvelope(params, protocol.slice('/fil/storage/mk/'.length) as ProposeVersion)), out_hex);
    const received = readDealParams(Buffer.from(out_hex, 'hex'));
    t.is(received.uuid, out.DealUUID as string);
    t.is(received.proposal.client, proposal.Client);
  });

for (const { name, in: said, in_hex } of proposals)
  test(`${name}: what a real provider said is understood, however it comes`, (t) => {
    for (const chunkBytes of [1, 7, 1_000]) {
      t.deepEqual(readDealResponse(replyOf(in_hex, chunkBytes)), { accepted: said.Accepted as boolean, message: said.Message as string });
    }
    t.is(hex(responseBytes(said.Accepted as boolean, said.Message as string)), in_hex, 'and the tests say it so');
  });

for (const { name, out, out_hex, in: said, in_hex } of statuses)
  test(`${name}: question and answer are those of the real ones`, (t) => {
    t.is(hex(statusRequestBytes(out.DealUUID as string, signatureOf(out.Signature as RecordedSignature))), out_hex);
    t.is(readStatusRequest(Buffer.from(out_hex, 'hex')).uuid, out.DealUUID as string);
    const answer = readStatusResponse(replyOf(in_hex, 3));
    t.is(answer.uuid, said.DealUUID as string);
    t.is(answer.error, said.Error as string);
    const deal = said.DealStatus as null | Record<string, unknown>;
    t.is(answer.deal === undefined, deal === null);
    const proposal = deal?.Proposal as RecordedProposal | undefined;
    if (deal !== null)
      t.deepEqual(answer.deal, {
        error: '',
        status: 'Accepted',
        sealingStatus: 'Proving',
        signedProposalCid: (deal.SignedProposalCid as Link)['/'],
        chainDealId: 0,
      });
    const told = statusBytes({
      uuid: answer.uuid,
      error: answer.error,
      isOffline: said.IsOffline as boolean,
      sizeBytes: said.TransferSize as number,
      receivedBytes: said.NBytesReceived as number,
      deal:
        proposal === undefined || deal === null
          ? null
          : {
              error: '',
              status: deal.Status as string,
              sealingStatus: deal.SealingStatus as string,
              proposal: {
                pieceCid: proposal.PieceCID['/'],
                pieceSizeBytes: proposal.PieceSize,
                verified: proposal.VerifiedDeal,
                client: proposal.Client,
                provider: proposal.Provider,
                label: proposal.Label,
                startEpoch: proposal.StartEpoch,
                endEpoch: proposal.EndEpoch,
                pricePerEpoch: proposal.StoragePricePerEpoch,
                providerCollateral: proposal.ProviderCollateral,
                clientCollateral: proposal.ClientCollateral,
              },
              signedProposalCid: (deal.SignedProposalCid as Link)['/'],
              publishCid: null,
              chainDealId: 0,
            },
    });
    t.is(hex(told), in_hex);
  });

test('a message that is named has a CID as messages have it, or nothing is believed', (t) => {
  const told = replyOf(statuses.find(({ name }) => name === 'status-accepted')?.in_hex ?? '') as { DealStatus: object };
  const naming = (cid: string) => ({ ...told, DealStatus: { ...told.DealStatus, PublishCid: CID.parse(cid) } });
  t.is(readStatusResponse(naming(MESSAGE)).deal?.publishCid, MESSAGE);
  for (const cid of [GOLDEN.pieceCid, GOLDEN.label, 'bafyqacdjmqqge3dpmnvq', CID.parse(MESSAGE).toString().replace('bafy2bz', 'bafk2bz')])
    t.throws(() => readStatusResponse(naming(cid)), { instanceOf: ColdError, message: /no message/ }, cid);
});

test('the provider names a deal by the CID that we give its signed proposal', (t) => {
  const accepted = proposals.find(({ name }) => name === 'accepted-1.2.1-offline');
  const status = statuses.find(({ name }) => name === 'status-accepted');
  if (accepted === undefined || status === undefined) return t.fail('they are recorded');
  const signed = accepted.out.ClientDealProposal as { Proposal: RecordedProposal; ClientSignature: RecordedSignature };
  const named = status.in.DealStatus as { SignedProposalCid: Link };
  t.is(signedProposalCid(proposalOf(signed.Proposal), signatureOf(signed.ClientSignature)), named.SignedProposalCid['/']);
});

test('a deal whose data is fetched says from where, and the older version says nothing of keeping and announcing', (t) => {
  const params = {
    uuid: '2d213ad6-72a1-4804-b39a-0951940bcbb8',
    proposal: GOLDEN,
    signature: { type: 1, data: new Uint8Array(65) },
    rootCid: GOLDEN.label,
    transfer: { url: 'https://pins.example.org/x', headers: { Authorization: 'Bearer y' }, sizeBytes: 300_000_000 },
  };
  const bytes = dealParamsBytes(params, '1.2.1');
  const received = readDealParams(bytes);
  t.false(received.isOffline);
  t.deepEqual(received.transfer, {
    type: 'http',
    params: '{"URL":"https://pins.example.org/x","Headers":{"Authorization":"Bearer y"}}',
    sizeBytes: 300_000_000,
  });
  t.is(received.rootCid, GOLDEN.label);
  t.is(bytes.length - dealParamsBytes(params, '1.2.0').length, 1 + 18 + 1 + 1 + 16 + 1);
});

test('asks are read, zero prices too, and are those of the provider that was asked', (t) => {
  t.is(readAskRequest(askRequestBytes('f01000')), 'f01000');
  const ask = { price: 50_000_000_000_000_000_000n, verifiedPrice: 0n, minPieceSizeBytes: 256, maxPieceSizeBytes: 2 ** 35 };
  const reply = replyOf(hex(askBytes('f01000', ask)));
  t.deepEqual(readAskResponse(reply, 'f01000'), {
    priceAttoPerGibEpoch: ask.price,
    verifiedPriceAttoPerGibEpoch: 0n,
    minPieceSizeBytes: 256,
    maxPieceSizeBytes: 2 ** 35,
    expiryEpoch: 1_000_001,
  });
  t.throws(() => readAskResponse(reply, 'f01001'), { instanceOf: ColdError, message: /another provider/ });
  t.is(readAskResponse(replyOf(hex(askBytes('f01000', null))), 'f01000'), undefined);
});

test('ways of retrieval are read', (t) => {
  const address = Uint8Array.of(4, 127, 0, 0, 1, 6, 0x1f, 0x90);
  const bytes = transportsBytes([{ name: 'http', addresses: [address] }]);
  t.deepEqual(readTransports(replyOf(hex(bytes))), [{ name: 'http', addresses: [address] }]);
});

const BOMBS: Readonly<Record<string, string>> = {
  'nothing at all': '',
  'a list of 2^32 items': '9affffffff',
  'a map of 2^63 pairs': 'bb7fffffffffffffff',
  'bytes that claim to be 2^64': '5bffffffffffffffff',
  'text that claims to be 1 GiB': '7a40000000',
  'a nest without end': '81'.repeat(100_000),
  'tags on tags': 'd82a'.repeat(1_000),
  'a tag of another kind': 'd90100f6',
  'an item without a length': '9f',
  'a reserved head': 'fc',
  'a float': 'fb3ff0000000000000',
  undefined: 'f7',
  'a reply cut in the middle': 'a2674d65737361',
  'two replies': 'a2674d65737361676560684163636570746564f5a2',
  'a page of HTML': Buffer.from('<html><body>Welcome!</body></html>').toString('hex'),
  'items without end': `9a00000fff${'f6'.repeat(4_095)}`.replace('9a00000fff', '9a00001000'),
  'a map with a key twice': 'a2614101614102',
  'a CID that is none': 'd82a4200ff',
  'text that is no UTF-8': '62c328',
};

for (const [name, bytes] of Object.entries(BOMBS))
  test(`no reply: ${name}`, (t) => {
    for (const chunkBytes of [1, 4_096])
      t.throws(
        () => {
          const value = replyOf(bytes, chunkBytes);
          readDealResponse(value);
        },
        { instanceOf: ColdError, message: /cannot be read/ },
      );
  });

const SHAPES: readonly unknown[] = [
  null,
  1,
  'x',
  [],
  {},
  { Accepted: 1, Message: '' },
  { Accepted: true },
  { Accepted: true, Message: 2 },
  Buffer.from('x'),
];

test('what is no reply of that kind is not taken for one', (t) => {
  for (const shape of SHAPES) {
    t.throws(() => readDealResponse(shape), { instanceOf: ColdError });
    t.throws(() => readStatusResponse(shape), { instanceOf: ColdError });
    t.throws(() => readAskResponse(shape, 'f01000'), { instanceOf: ColdError });
    t.throws(() => readTransports(shape), { instanceOf: ColdError });
  }
});

test('what a provider says is harmless to show', (t) => {
  const message = `no\u001b[31m\n\u202e${'x'.repeat(1_000)}`;
  const { message: shown } = readDealResponse(replyOf(hex(responseBytes(false, message))));
  t.regex(shown, /^no \[31m x{280,}…$/);
  t.true(shown.length <= 301);
});
