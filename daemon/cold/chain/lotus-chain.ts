import { type Chain, type ChainView, ColdError, type MarketBalance, type MarketDeal } from '../../domain/cold-ports.ts';
import type { Clock } from '../../domain/ports.ts';
import type { ProviderOnChain } from '../../domain/provider.ts';
import { announcedHosts } from './announced-hosts.ts';
import { attoOf, booleanOf, bytesOf, cidLink, cidOf, type Fields, fieldsOf, integerOf, listOf, textOf } from './fields.ts';
import { findPublishMessage, readable } from './find-message.ts';
import { findPublished } from './find-published.ts';
import { LotusRefusal, unlessRefused } from './lotus-error.ts';
import type { LotusRpc } from './lotus-rpc.ts';
import { publishedDealsOf } from './publish-message.ts';

export interface LotusChainOptions {
  rpc: LotusRpc;
  /** How far below the head a tip set can no longer be taken back, where the node does not say itself. */
  finalityEpochs: number;
  /** The wall clock, which says how far the head of a public network is behind. */
  clock: Clock;
  /** How far back a message is looked for. Default: two weeks. */
  searchEpochs?: number;
}

interface TipSet {
  epoch: number;
  key: readonly string[];
  /** Seconds since 1970, of its first block. */
  timestampSeconds: number;
}

const SEARCH_EPOCHS = 2 * 7 * 2_880;
/**
 * By the names they give themselves, of which mainnet's is `testnetnet`. Private networks make blocks as fast as they like, with
 * timestamps of any time.
 */
const WALL_CLOCK_NETWORKS: ReadonlySet<string> = new Set(['mainnet', 'testnetnet', 'calibrationnet']);
/** Lotus v1.26.3: `deal 7 not found - deal may not have completed sealing before …, or deal may have been slashed`. */
const NO_SUCH_DEAL = /^deal \d+ not found\b/;
/** Lotus v1.26.3, of an address that never received anything. */
const NO_SUCH_ACTOR = /\bactor not found$/;
/** The chain through the JSON-RPC of a Lotus node; only methods that a read token, or none, may call. */
export function createLotusChain({ rpc, finalityEpochs, clock, searchEpochs = SEARCH_EPOCHS }: LotusChainOptions): Chain {
  /** Unset until asked. Lotus before v1.34 has no such method, and says so every time. */
  let namesFinalized: boolean | undefined;

  const call = (method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> => rpc.call(method, params, { signal });

  async function finalizedByNode(signal: AbortSignal): Promise<TipSet | undefined> {
    if (namesFinalized === false) return undefined;
    try {
      const tipSet = tipSetOf(await call('ChainGetFinalizedTipSet', [], signal));
      namesFinalized = true;
      return tipSet;
    } catch (error) {
      if (!(error instanceof LotusRefusal && error.noSuchMethod)) throw error;
      namesFinalized = false;
      return undefined;
    }
  }

  /** Where no block was found at that height, Lotus gives the tip set next below. */
  async function finalizedByDepth(head: TipSet, signal: AbortSignal): Promise<TipSet> {
    const epoch = Math.max(0, head.epoch - finalityEpochs);
    const tipSet = tipSetOf(await call('ChainGetTipSetByHeight', [epoch, keyParam(head.key)], signal));
    return { ...tipSet, epoch };
  }

  async function view(signal: AbortSignal): Promise<ChainView> {
    const [network, genesis, head, named] = await Promise.all([
      call('StateNetworkName', [], signal).then((name) => textOf(name, 'network name')),
      call('ChainGetGenesis', [], signal).then(tipSetOf),
      call('ChainHead', [], signal).then(tipSetOf),
      finalizedByNode(signal),
    ]);
    const finalized = named ?? (await finalizedByDepth(head, signal));
    const behind = !WALL_CLOCK_NETWORKS.has(network)
      ? {}
      : { behindSeconds: Math.max(0, Math.floor(clock.nowMs() / 1000) - head.timestampSeconds) };
    return {
      network,
      genesisCid: genesis.key[0] ?? '',
      headEpoch: head.epoch,
      finalizedEpoch: finalized.epoch,
      finalizedKey: finalized.key,
      ...behind,
    };
  }

  return {
    view,
    async publishedDeals(publishCid, signal) {
      const found = await findPublishMessage(rpc, publishCid, searchEpochs, signal);
      return found && (found === 'failed' ? [] : readable(() => publishedDealsOf(found.params, found.returned)));
    },
    findPublished: (wanted, signal) => findPublished(rpc, wanted, searchEpochs, signal),
    async marketDeal(chainDealId, at, signal) {
      const deal = await unlessRefused(NO_SUCH_DEAL, undefined, call('StateMarketStorageDeal', [chainDealId, keyParam(at)], signal));
      return deal === undefined ? undefined : marketDealOf(fieldsOf(deal, 'market deal'));
    },
    async marketBalance(address, at, signal) {
      const nothing = { Escrow: '0', Locked: '0' };
      const balance = await unlessRefused<unknown>(NO_SUCH_ACTOR, nothing, call('StateMarketBalance', [address, keyParam(at)], signal));
      return marketBalanceOf(fieldsOf(balance, 'market balance'));
    },
    async walletBalance(address, signal) {
      return attoOf(await call('WalletBalance', [address], signal), 'balance');
    },
    async idAddress(address, signal) {
      const id = await unlessRefused<unknown>(NO_SUCH_ACTOR, undefined, call('StateLookupID', [address, []], signal));
      return id === undefined ? undefined : textOf(id, 'ID address');
    },
    async provider(id, signal) {
      return providerOf(id, fieldsOf(await call('StateMinerInfo', [id, []], signal), 'provider'));
    },
  };
}

/** Lotus takes an empty key for the head. */
function keyParam(key: readonly string[] | undefined): { '/': string }[] {
  return (key ?? []).map(cidLink);
}

function tipSetOf(value: unknown): TipSet {
  const { Cids, Blocks, Height } = fieldsOf(value, 'tip set');
  const key = listOf(Cids, 'tip set key').map((cid) => cidOf(cid, 'block CID'));
  if (key.length === 0) throw new ColdError('unreachable', 'Lotus sent a tip set without blocks');
  const block = fieldsOf(listOf(Blocks, 'blocks')[0], 'block');
  return { key, epoch: integerOf(Height, 'height'), timestampSeconds: integerOf(block.Timestamp, 'time stamp') };
}

function marketDealOf({ Proposal, State }: Fields): MarketDeal {
  const proposal = fieldsOf(Proposal, 'deal proposal');
  const state = fieldsOf(State, 'deal state');
  return {
    pieceCid: cidOf(proposal.PieceCID, 'piece CID'),
    pieceSizeBytes: integerOf(proposal.PieceSize, 'piece size'),
    client: textOf(proposal.Client, 'client'),
    provider: textOf(proposal.Provider, 'provider'),
    // A label of bytes that are no text has no JSON of its own.
    label: typeof proposal.Label === 'string' ? proposal.Label : '',
    verified: booleanOf(proposal.VerifiedDeal, 'mark of a verified deal'),
    startEpoch: integerOf(proposal.StartEpoch, 'start epoch'),
    endEpoch: integerOf(proposal.EndEpoch, 'end epoch'),
    pricePerEpochAtto: attoOf(proposal.StoragePricePerEpoch, 'price'),
    providerCollateralAtto: attoOf(proposal.ProviderCollateral, 'provider collateral'),
    clientCollateralAtto: attoOf(proposal.ClientCollateral, 'client collateral'),
    sectorStartEpoch: integerOf(state.SectorStartEpoch, 'sector start epoch'),
    lastUpdatedEpoch: integerOf(state.LastUpdatedEpoch, 'epoch of settlement'),
    slashEpoch: integerOf(state.SlashEpoch, 'slash epoch'),
  };
}

function marketBalanceOf({ Escrow, Locked }: Fields): MarketBalance {
  return { escrowAtto: attoOf(Escrow, 'escrow'), lockedAtto: attoOf(Locked, 'locked amount') };
}

function providerOf(id: string, info: Fields): ProviderOnChain {
  const owner = textOf(info.Owner, 'owner');
  const addresses = listOf(info.Multiaddrs ?? null, 'addresses').map((one) => bytesOf(one, 'address'));
  return {
    id,
    owner,
    worker: textOf(info.Worker, 'worker'),
    // Networks before v17 know of none: then it is the owner.
    beneficiary: typeof info.Beneficiary === 'string' ? info.Beneficiary : owner,
    ...(typeof info.PeerId === 'string' && info.PeerId !== '' ? { peerId: info.PeerId } : {}),
    hosts: announcedHosts(addresses),
    sectorSizeBytes: integerOf(info.SectorSize, 'sector size'),
  };
}
