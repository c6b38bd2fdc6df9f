import { type Chain, ColdError, type DealMaker, type DealOrder, type PreparedDeal, type SendReply } from '../../domain/cold-ports.ts';
import type { Deal } from '../../domain/deal.ts';
import type { BuiltPiece } from '../../domain/piece.ts';
import type { PieceLayouts } from '../../domain/piece-layout.ts';
import { type Resolver, systemResolver } from '../../domain/resolve-address.ts';
import type { Elsewhere } from '../../domain/retrieval-ports.ts';
import type { Transfers } from '../../domain/transfer-port.ts';
import { LotusRefusal } from '../chain/lotus-error.ts';
import type { LotusRpc } from '../chain/lotus-rpc.ts';
import type { Proposal } from '../chain/proposal.ts';
import type { Signer } from '../wallet/signer.ts';
import { collateralBounds, providerCollateralAtto } from './collateral.ts';
import { type Announced, announcedBy } from './mk12/announced.ts';
import { reportOf, sendReplyOf, statusOf } from './mk12/answers.ts';
import { type Door, doorsOf, firstThatAnswers, TooBusy } from './mk12/doors.ts';
import { createElsewhere } from './mk12/elsewhere.ts';
import { gatewaysOf } from './mk12/gateways.ts';
import { harmless } from './mk12/harmless.ts';
import { createHttpClient } from './mk12/http.ts';
import { createPeers } from './mk12/libp2p.ts';
import {
  askRequestBytes,
  dealParamsBytes,
  readAskResponse,
  readDealResponse,
  readStatusResponse,
  statusRequestBytes,
  uuidBytes,
} from './mk12/messages.ts';
import { discreet, namesOf, type Request, readRequest, requestFields, signedIn } from './mk12/request.ts';
import { createRetrieval, type Gateways } from './mk12/retrieval.ts';
import { servedBytes } from './mk12/served-bytes.ts';
import { emptyProblem, nodeProblem } from './node-problem.ts';
import { proposalBytes, signedProposalCid, unsignedProposalCid } from './proposal.ts';

export interface Mk12Options {
  rpc: LotusRpc;
  chain: Chain;
  /** The key that pays. */
  signer: Signer;
  /** Where providers fetch a piece from. */
  transfers: Transfers;
  /** Whether providers in private, loopback and link-local ranges are talked to. */
  allowPrivate: boolean;
  /** `https://…` of a delegated router that may know by what address a provider gives bytes back. Absent: none is asked. */
  routingUrl?: string;
  /** Where blocks lie in pieces. Absent: nothing is known, and pieces are read whole. */
  layouts?: PieceLayouts;
  /** Default: the system's. */
  resolver?: Resolver;
  /** For one question to a provider over one way. Default 20 s. */
  askDeadlineMs?: number;
  /** For the reply to a proposal, after which it is unknown what became of it. Default 60 s. */
  sendDeadlineMs?: number;
  /** To the first byte of something that is fetched back. Default 30 s. */
  firstByteMs?: number;
  /** Between two parts of it. Default 60 s. */
  stallMs?: number;
}

export interface Mk12Maker extends DealMaker {
  /** Others than providers who may give contents; absent without a router. */
  readonly elsewhere?: Elsewhere;
  /** For when nothing is asked of it any more. Never rejects. */
  close(): Promise<void>;
}

const ASK_DEADLINE_MS = 20_000;
const SEND_DEADLINE_MS = 60_000;
const FIRST_BYTE_MS = 30_000;
const STALL_MS = 60_000;

const NO_LAYOUTS: PieceLayouts = { of: async () => undefined };

/** Lotus, of a provider that never was. */
const NO_PROVIDER = /actor not found/;

/**
 * Deals by protocol mk12, made by us: proposed to Boost over libp2p and to Curio over HTTP, with Lotus, or a key of our own, to sign
 * them. A deal's UUID, proposal and signature are fixed in `prepare`; a provider knows a deal by them and takes it once.
 *
 * Boost looks at price, escrow and start before it looks for a duplicate, so what it says to a deal sent again proves nothing. That
 * is why `send` asks for the status first, by UUID, and proposes only what the provider does not know.
 */
export function createMk12Maker(options: Mk12Options): Mk12Maker {
  const { rpc, chain, signer, transfers, allowPrivate, routingUrl, resolver = systemResolver } = options;
  const askMs = options.askDeadlineMs ?? ASK_DEADLINE_MS;
  const sendMs = options.sendDeadlineMs ?? SEND_DEADLINE_MS;
  const http = createHttpClient({ resolver, allowPrivate });
  const libp2p = createPeers({ resolver, allowPrivate });
  const retrieval = createRetrieval({
    http,
    firstByteMs: options.firstByteMs ?? FIRST_BYTE_MS,
    priceMs: askMs,
    stallMs: options.stallMs ?? STALL_MS,
    layouts: options.layouts ?? NO_LAYOUTS,
  });

  /** As the chain had them last: bytes come back while Lotus is down, too. */
  const seen = new Map<string, Announced>();

  async function lastAnnouncedBy(provider: string, signal: AbortSignal): Promise<Announced> {
    try {
      const announced = await announcedBy(rpc, provider, signal);
      seen.set(provider, announced);
      return announced;
    } catch (error) {
      const before = error instanceof ColdError && error.failure === 'unreachable' ? seen.get(provider) : undefined;
      if (before === undefined) throw error;
      return before;
    }
  }

  async function doors(provider: string, signal: AbortSignal): Promise<Door[]> {
    return doorsOf(await announcedBy(rpc, provider, signal), http, libp2p);
  }

  async function askOver(provider: string, signal: AbortSignal) {
    const request = askRequestBytes(provider);
    const { door, answer } = await firstThatAnswers(
      await doors(provider, signal),
      async (door, until) => readAskResponse(await door.ask(request, askMs, until), provider),
      askMs,
      signal,
    );
    if (answer === undefined) throw new ColdError('refused', `provider ${provider} has no ask: it takes no deals of this kind`);
    return { ask: answer, over: door.over };
  }

  async function prepare(order: DealOrder, signal: AbortSignal): Promise<PreparedDeal> {
    const { piece, provider, startEpoch, durationEpochs, pricePerEpochAtto, verified, dealId } = order;
    const { pieceCid, pieceSizeBytes, rootCid } = piece;
    const [client, bounds] = await Promise.all([signer.address(signal), collateralBounds(rpc, pieceSizeBytes, verified, signal)]);
    const terms = {
      startEpoch,
      endEpoch: startEpoch + durationEpochs,
      pricePerEpochAtto,
      clientCollateralAtto: 0n,
      providerCollateralAtto: providerCollateralAtto(bounds),
      verified,
    };
    const proposal: Proposal = { ...terms, pieceCid, pieceSizeBytes, client, provider, label: rootCid };
    const [signature, statusSignature, clientId] = await Promise.all([
      signer.sign(proposalBytes(proposal), signal),
      signer.sign(uuidBytes(dealId), signal),
      chain.idAddress(client, signal),
    ]);
    const cids = {
      unsigned: unsignedProposalCid(proposal),
      signed: signedProposalCid(proposal, signature),
      ...(clientId === undefined ? {} : { normalized: unsignedProposalCid({ ...proposal, client: clientId }) }),
    };
    const transfer = transfers.offer(dealId, piece, servedBytes(piece));
    const request: Request = { uuid: dealId, proposal, signature, rootCid, transfer, statusSignature, cids };
    return { terms, wallet: client, proposalCid: cids.signed, request: requestFields(request) };
  }

  /** What the provider knows of the deal, and the way by which it said so. */
  async function look(request: Request, ways: readonly Door[], signal: AbortSignal) {
    const bytes = statusRequestBytes(request.uuid, request.statusSignature);
    return await firstThatAnswers(
      ways,
      async (door, until) => statusOf(readStatusResponse(discreet(request, await door.status(bytes, askMs, until))), namesOf(request)),
      askMs,
      signal,
    );
  }

  async function send({ request }: Pick<Deal, 'request'>, signal: AbortSignal): Promise<SendReply> {
    const params = readRequest(request);
    try {
      const { door, answer } = await look(params, await doors(params.proposal.provider, signal), signal);
      if (answer !== undefined) return { kind: 'sent', said: `the provider has it already: ${answer.status}` };
      const reply = await door.propose((version) => dealParamsBytes(params, version), sendMs, signal);
      return sendReplyOf(readDealResponse(discreet(params, reply)), namesOf(params));
    } catch (error) {
      const refused = notBegun(error);
      if (refused === undefined) throw error;
      return refused;
    }
  }

  function gateways(provider: string, cid: string): Gateways {
    const more = { http, libp2p, deadlineMs: askMs, ...(routingUrl === undefined ? {} : { routingUrl }) };
    return async function* (signal) {
      yield* gatewaysOf(await lastAnnouncedBy(provider, signal), cid, more, signal);
    };
  }

  const retrieve = (deal: Deal, piece: BuiltPiece, signal: AbortSignal) =>
    retrieval.bytes(gateways(deal.provider, piece.rootCid), piece, signal);

  const more = { http, retrieval, announced: lastAnnouncedBy, deadlineMs: askMs };
  return {
    ...(routingUrl === undefined ? {} : { elsewhere: createElsewhere({ ...more, routingUrl }) }),
    name: 'mk12',
    needsFile: false,
    paysFromEscrow: true,
    wallet: (signal) => signer.address(signal),
    ask: async (provider, signal) => (await askOver(provider, signal)).ask,
    askOver,
    prepare,
    send,
    // A deal that is known by another proposal than was sent is none of ours to vouch for.
    signedProposal: ({ request, begunAs }) => (begunAs === undefined ? signedIn(readRequest(request)) : undefined),
    // Providers come for the bytes: nothing need be made known before.
    stage: async (_piece, _file, signal) => unlessAborted(signal),
    unstage: async (_piece, signal) => unlessAborted(signal),
    async problem(signal) {
      try {
        return (await signer.problem(signal)) ?? (await emptyProblem(chain, await signer.address(signal), signal));
      } catch (error) {
        return nodeProblem(error);
      }
    },
    async report({ request }, signal) {
      const params = readRequest(request);
      const ways = await doors(params.proposal.provider, signal);
      try {
        const { answer } = await look(params, ways, signal);
        return answer === undefined ? { kind: 'absent' } : reportOf(answer);
      } catch (error) {
        if (!(error instanceof ColdError) || error.failure === 'aborted') throw error;
        // Its silence is all that it says; one that is gone for good must not keep a deal open for good.
        return { kind: 'doubtful', said: harmless(error.message) };
      }
    },
    retrieve,
    open: (deal, piece, rootCid, signal) => retrieval.open(gateways(deal.provider, rootCid), piece, rootCid, signal),
    retrievalPrice: (deal, piece, signal) => retrieval.price(gateways(deal.provider, piece.rootCid), piece, signal),
    close: () => libp2p.close(),
  };
}

/** The reply to a send that did not get as far as the provider's market, if that is what the error says. */
function notBegun(error: unknown): SendReply | undefined {
  if (!(error instanceof ColdError) || error.failure !== 'refused') return undefined;
  if (error instanceof TooBusy) return { kind: 'refused', why: 'busy', said: error.message };
  // Our own node's no is nobody's refusal, but of a provider that does not exist.
  if (error instanceof LotusRefusal && !NO_PROVIDER.test(error.said)) return undefined;
  return { kind: 'refused', why: 'other', said: error.message };
}

function unlessAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new ColdError('aborted', 'it was stopped');
}
