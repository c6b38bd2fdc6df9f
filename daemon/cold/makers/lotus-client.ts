import {
  type Chain,
  ColdError,
  type DealMaker,
  type DealOrder,
  type PreparedDeal,
  type SendReply,
  UnusableAsk,
} from '../../domain/cold-ports.ts';
import type { Deal } from '../../domain/deal.ts';
import type { Ask } from '../../domain/provider.ts';
import type { SignedProposal } from '../../domain/receipt-ports.ts';
import type { Log } from '../../log.ts';
import { isKeyAddress } from '../chain/address.ts';
import { attoOf, bytesOf, cidLink, cidOf, type Fields, fieldsOf, integerOf, textOf } from '../chain/fields.ts';
import { LotusRefusal, unlessRefused } from '../chain/lotus-error.ts';
import type { LotusRpc } from '../chain/lotus-rpc.ts';
import type { Proposal } from '../chain/proposal.ts';
import type { Signature } from '../wallet/signer.ts';
import { collateralBounds, providerCollateralAtto } from './collateral.ts';
import { reportOf } from './lotus-client/deal-report.ts';
import { createImports } from './lotus-client/imports.ts';
import { readinessProblem } from './lotus-client/readiness.ts';
import { refusedStart } from './lotus-client/refusals.ts';
import { createRetrieval } from './lotus-client/retrieval.ts';
import { dealEndEpoch, type ProvingPeriod, unpaddedSizeBytes } from './lotus-client/terms.ts';
import { labelOf, proposalBytes, signedProposalCid } from './proposal.ts';

export interface LotusClientOptions {
  rpc: LotusRpc;
  chain: Chain;
  /** Address that pays. Default: the node's default wallet. */
  wallet?: string;
  /** Where what comes back is written: a directory that Lotus sees under the same path. */
  retrievedDirectory: string;
  /** The most that a retrieval may cost. Default 0. */
  retrievalPriceMaxAtto?: bigint;
  /** From the order of a retrieval to its last byte. Default 2 hours. */
  retrievalDeadlineMs?: number;
  /** For a provider's ask: Lotus itself waits 300 s for one that is not there. Default 20 s. */
  askDeadlineMs?: number;
  /** For the reply to a deal that is sent, after which it is unknown what became of it. Default 60 s. */
  sendDeadlineMs?: number;
  log: Log;
}

/** What is kept in the deal to send it again. `startDeal` goes to ClientStartDeal as it is. */
interface Request {
  startDeal: Fields;
  endEpoch: number;
  /** Of the proposal that Lotus will make of it: its kind and then the signature, base64. Absent in deals of older versions. */
  signature?: string;
}

export interface LotusClientMaker extends DealMaker {
  /** For when nothing is asked of it any more: removes what is left of retrievals on this machine. Never rejects. */
  close(): Promise<void>;
}

const RETRIEVAL_DEADLINE_MS = 2 * 3_600_000;
const ASK_DEADLINE_MS = 20_000;
const SEND_DEADLINE_MS = 60_000;

/** go-statemachine's, when the deal is there already, whatever became of it. */
const ALREADY_TRACKING = /already tracking identifier `?([a-z0-9]+)`?/;
/** Lotus v1.26.3: `No state for /bafy…: datastore: key not found`. */
const NO_STATE = /^No state for /;

/**
 * Deals through the Client API that Lotus has up to v1.27.0. Lotus computes and signs the proposal itself; since it does
 * so the same way each time, its CID can be told beforehand, and the same request sent again is known as the same deal.
 * The rule is in the functions below; `send` is the only one that begins something that costs.
 */
export function createLotusClientMaker(options: LotusClientOptions): LotusClientMaker {
  const { rpc, chain, log } = options;
  const imports = createImports(rpc);
  const retrieval = createRetrieval({
    rpc,
    directory: options.retrievedDirectory,
    priceMaxAtto: options.retrievalPriceMaxAtto ?? 0n,
    deadlineMs: options.retrievalDeadlineMs ?? RETRIEVAL_DEADLINE_MS,
  });

  /** The key address: what proposals hold, and Lotus would make of any other form of it. */
  async function wallet(signal: AbortSignal): Promise<string> {
    const address = options.wallet ?? textOf(await rpc.call('WalletDefaultAddress', [], { signal }), 'default wallet');
    return isKeyAddress(address) ? address : textOf(await rpc.call('StateAccountKey', [address, []], { signal }), 'key address');
  }

  async function provingPeriod(provider: string, signal: AbortSignal): Promise<ProvingPeriod> {
    const deadline = fieldsOf(await rpc.call('StateMinerProvingDeadline', [provider, []], { signal }), 'proving deadline');
    const lengthEpochs = integerOf(deadline.WPoStProvingPeriod, 'proving period');
    if (lengthEpochs <= 0) throw new ColdError('unreachable', 'Lotus sent a proving period of no length');
    return { lengthEpochs, startEpoch: integerOf(deadline.PeriodStart, 'start of a period') };
  }

  async function sign(address: string, bytes: Uint8Array, signal: AbortSignal): Promise<Signature> {
    const reply = fieldsOf(await rpc.call('WalletSign', [address, Buffer.from(bytes).toString('base64')], { signal }), 'signature');
    return { type: integerOf(reply.Type, 'kind of a signature'), data: bytesOf(reply.Data, 'signature') };
  }

  async function prepare(order: DealOrder, signal: AbortSignal): Promise<PreparedDeal> {
    const { piece, provider, startEpoch, durationEpochs, pricePerEpochAtto, verified } = order;
    const [client, period, bounds] = await Promise.all([
      wallet(signal),
      provingPeriod(provider, signal),
      collateralBounds(rpc, piece.pieceSizeBytes, verified, signal),
    ]);
    const terms = {
      startEpoch,
      endEpoch: dealEndEpoch(startEpoch, durationEpochs, period),
      pricePerEpochAtto,
      clientCollateralAtto: 0n,
      providerCollateralAtto: providerCollateralAtto(bounds),
      verified,
    };
    const { pieceCid, pieceSizeBytes } = piece;
    const proposal: Proposal = { ...terms, pieceCid, pieceSizeBytes, client, provider, label: labelOf(piece.rootCid) };
    const signature = await sign(client, proposalBytes(proposal), signal);
    return {
      terms,
      wallet: client,
      proposalCid: signedProposalCid(proposal, signature),
      request: { ...requestOf(proposal, piece.rootCid, durationEpochs), signature: signatureText(signature) },
    };
  }

  /**
   * Whether Lotus would still sign what was prepared. What it fills in by itself may have moved since: on a network
   * younger than one proving period the end, and the collateral where it was nothing. It would be another deal then, with
   * another CID, and the first one might be under way as well.
   */
  async function movedTerms({ startDeal, endEpoch }: Request, signal: AbortSignal): Promise<string | undefined> {
    const provider = textOf(startDeal.Miner, 'provider');
    const start = integerOf(startDeal.DealStartEpoch, 'start epoch');
    const duration = integerOf(startDeal.MinBlocksDuration, 'duration');
    if (dealEndEpoch(start, duration, await provingPeriod(provider, signal)) !== endEpoch)
      return 'its end, by the proving period of the provider';
    if (startDeal.ProviderCollateral !== '0') return undefined;
    const unpadded = integerOf(fieldsOf(startDeal.Data, 'data').PieceSize, 'piece size');
    const { minAtto } = await collateralBounds(rpc, (unpadded / 127) * 128, startDeal.VerifiedDeal === true, signal);
    return minAtto === 0n ? undefined : 'the least collateral, which is no longer 0';
  }

  async function send({ request, proposalCid }: { request: Fields; proposalCid: string }, signal: AbortSignal): Promise<SendReply> {
    const read = readRequest(request);
    const deadlineMs = options.sendDeadlineMs ?? SEND_DEADLINE_MS;
    try {
      const moved = await movedTerms(read, signal);
      if (moved !== undefined)
        return { kind: 'refused', why: 'terms', said: `it was not sent, because what Lotus fills in has changed: ${moved}` };
      const begun = cidOf(await rpc.call('ClientStartDeal', [read.startDeal], { signal, deadlineMs }), 'proposal CID');
      return sentAs(begun, proposalCid, 'Lotus has begun it');
    } catch (error) {
      if (!(error instanceof LotusRefusal) || error.failure !== 'refused') throw error;
      return answerTo(error, proposalCid);
    }
  }

  function answerTo(refusal: LotusRefusal, proposalCid: string): SendReply {
    const tracked = ALREADY_TRACKING.exec(refusal.said)?.[1];
    if (tracked !== undefined) return sentAs(tracked, proposalCid, 'Lotus had it already');
    const refused = refusal.notUnderstood ? { why: 'other' as const, said: refusal.said } : refusedStart(refusal.said);
    if (refused !== undefined) return { kind: 'refused', ...refused };
    throw new ColdError('unreachable', `Lotus gave an error that does not say whether the deal was begun: ${refusal.said}`, {
      cause: refusal,
    });
  }

  /** A deal is under way in either case. One under another CID than ours must never be sent once more, and be looked at. */
  function sentAs(begun: string, proposalCid: string, said: string): SendReply {
    if (begun === proposalCid) return { kind: 'sent', said };
    log.error({ proposalCid, begun }, 'Lotus began a deal under another proposal CID than was predicted: look at it by hand');
    return { kind: 'sent', said: `${said}, but as ${begun}, which is not the CID that was predicted`, as: begun };
  }

  return {
    name: 'lotus-client',
    needsFile: true,
    wallet,
    prepare,
    send,
    signedProposal: signedProposalOf,
    stage: (piece, file, signal) => imports.stage(piece, file, signal),
    unstage: (piece, signal) => imports.unstage(piece, signal),
    problem: (signal) => readinessProblem(rpc, chain, wallet, signal),
    async ask(providerId, signal) {
      const { peerId } = await chain.provider(providerId, signal);
      if (peerId === undefined) throw new ColdError('refused', `provider ${providerId} names no peer id on the chain: it cannot be asked`);
      const deadlineMs = options.askDeadlineMs ?? ASK_DEADLINE_MS;
      return askOf(await rpc.call('ClientQueryAsk', [peerId, providerId], { signal, deadlineMs }), providerId);
    },
    async report({ proposalCid, begunAs = proposalCid }, signal) {
      const info = await unlessRefused(NO_STATE, undefined, rpc.call('ClientGetDealInfo', [cidLink(begunAs)], { signal }));
      return info === undefined ? { kind: 'absent' } : reportOf(info, begunAs);
    },
    retrieve: (deal, piece, signal) => retrieval.bytes(deal.provider, () => wallet(signal), piece, signal),
    open: (deal, piece, rootCid, signal, priceMaxAtto) =>
      retrieval.open(deal.provider, () => wallet(signal), piece, rootCid, signal, priceMaxAtto),
    retrievalPrice: (deal, piece, signal) => retrieval.price(deal.provider, piece, signal),
    close: () => retrieval.close(),
  };
}

/** With the piece given, Lotus computes none; with start, price, wallet and collateral given, it fills in nothing but the end. */
function requestOf(proposal: Proposal, rootCid: string, durationEpochs: number): Request {
  const startDeal = {
    Data: {
      TransferType: 'graphsync',
      Root: cidLink(rootCid),
      PieceCid: cidLink(proposal.pieceCid),
      PieceSize: unpaddedSizeBytes(proposal.pieceSizeBytes),
    },
    Wallet: proposal.client,
    Miner: proposal.provider,
    EpochPrice: proposal.pricePerEpochAtto.toString(),
    MinBlocksDuration: durationEpochs,
    ProviderCollateral: proposal.providerCollateralAtto.toString(),
    DealStartEpoch: proposal.startEpoch,
    FastRetrieval: true,
    VerifiedDeal: proposal.verified,
  };
  return { startDeal, endEpoch: proposal.endEpoch };
}

function readRequest({ startDeal, endEpoch }: Fields): Request {
  return { startDeal: fieldsOf(startDeal, 'request'), endEpoch: integerOf(endEpoch, 'end epoch') };
}

function signatureText({ type, data }: Signature): string {
  return Buffer.from([type, ...data]).toString('base64');
}

/** The proposal follows from the request as Lotus makes it of that. Of one that is under way under another CID nobody knows what was signed. */
function signedProposalOf({ request, begunAs }: Pick<Deal, 'request' | 'begunAs'>): SignedProposal | undefined {
  if (typeof request.signature !== 'string' || begunAs !== undefined) return undefined;
  const { startDeal, endEpoch } = readRequest(request);
  const data = fieldsOf(startDeal.Data, 'data');
  const proposal: Proposal = {
    pieceCid: cidOf(data.PieceCid, 'piece CID'),
    pieceSizeBytes: (integerOf(data.PieceSize, 'piece size') / 127) * 128,
    verified: startDeal.VerifiedDeal === true,
    client: textOf(startDeal.Wallet, 'wallet'),
    provider: textOf(startDeal.Miner, 'provider'),
    label: labelOf(cidOf(data.Root, 'root')),
    startEpoch: integerOf(startDeal.DealStartEpoch, 'start epoch'),
    endEpoch,
    pricePerEpochAtto: attoOf(startDeal.EpochPrice, 'price'),
    providerCollateralAtto: attoOf(startDeal.ProviderCollateral, 'collateral'),
    clientCollateralAtto: 0n,
  };
  return { proposal: proposalBytes(proposal), signature: Buffer.from(request.signature, 'base64') };
}

function askOf(value: unknown, providerId: string): Ask {
  const ask = fieldsOf(fieldsOf(value, 'ask').Response, 'ask');
  if (ask.Miner !== providerId) throw new UnusableAsk(`it is the ask of another provider than ${providerId}`);
  return {
    priceAttoPerGibEpoch: attoOf(ask.Price, 'price'),
    verifiedPriceAttoPerGibEpoch: attoOf(ask.VerifiedPrice, 'price of verified deals'),
    minPieceSizeBytes: integerOf(ask.MinPieceSize, 'least piece size'),
    maxPieceSizeBytes: integerOf(ask.MaxPieceSize, 'most piece size'),
    expiryEpoch: integerOf(ask.Expiry, 'expiry'),
  };
}
