import { writeDag } from './car-file.ts';
import { link } from './cids.ts';
import type { ClientDeal } from './client-deal.ts';
import { STATE } from './client-deal.ts';
import { endEpochFor, labelFor, startEpochFor } from './deal-terms.ts';
import { RpcError } from './errors.ts';
import { type Proposal, signedProposalCid, signProposal } from './market-cbor.ts';
import { asAddress, asAtto, asBigId, asCid, asInteger, asOptionalCid, asRecord, asText } from './methods/params.ts';
import { PieceHasher, pieceSizeOf, unpadded } from './piece-cid.ts';
import type { World } from './world.ts';

interface StartDealParams {
  transferType: string;
  root: string;
  pieceCid: string | undefined;
  /** Unpadded. */
  pieceSize: number;
  wallet: string;
  miner: string;
  price: bigint;
  minBlocksDuration: number;
  providerCollateral: bigint;
  startEpoch: number;
  verified: boolean;
}

const TYPE = 'api.StartDealParams';

export function parseStartDeal(value: unknown): StartDealParams {
  const params = asRecord(value, TYPE);
  const data = asRecord(params.Data, TYPE);
  return {
    transferType: asText(data.TransferType),
    root: asCid(data.Root),
    pieceCid: asOptionalCid(data.PieceCid),
    pieceSize: asInteger(data.PieceSize ?? 0),
    wallet: asAddress(params.Wallet),
    miner: asAddress(params.Miner),
    price: asAtto(params.EpochPrice),
    minBlocksDuration: Number(asBigId(params.MinBlocksDuration)),
    providerCollateral: params.ProviderCollateral == null ? 0n : asAtto(params.ProviderCollateral),
    startEpoch: params.DealStartEpoch === undefined ? 0 : asInteger(params.DealStartEpoch),
    verified: params.VerifiedDeal === true,
  };
}

/** What a deal is about, and how much it is: by the node's own walk over the DAG. */
export async function commitDag(world: World, root: string): Promise<{ payloadBytes: number; pieceSizeBytes: number; pieceCid: string }> {
  const source = await world.imports.car(root);
  const hasher = new PieceHasher();
  const payloadBytes = await writeDag(source, root, undefined, (bytes) => hasher.write(bytes));
  return { payloadBytes, ...hasher.end() };
}

/** Lotus v1.26.3, `ClientStartDeal`, in its order: what is refused at once, what is hashed, signed and then tracked. */
export async function startDeal(world: World, params: StartDealParams): Promise<string> {
  const { chain, providers, accounts, wallet } = world;
  if (params.transferType === 'graphsync') await mustHave(world, params.root);
  const client = accounts.keyAddress(params.wallet);
  if (!wallet.has(client)) throw new RpcError(1, `provided address doesn't exist in wallet`);
  const info = named(() => providers.get(params.miner), 'failed getting peer ID');
  const startEpoch = startEpochFor(params.startEpoch, chain.epoch);
  const endEpoch = endEpochFor(params.minBlocksDuration, info.id, chain.epoch, startEpoch);
  const piece = await pieceOf(world, params);
  if (piece.pieceSizeBytes > info.sectorSizeBytes) {
    const sizes = `piece size (${piece.pieceSizeBytes}) is greater than sector size (${info.sectorSizeBytes})`;
    throw new RpcError(1, `failed to start deal: cannot propose a deal whose ${sizes}`);
  }
  const proposal: Proposal = {
    pieceCid: piece.pieceCid,
    pieceSizeBytes: piece.pieceSizeBytes,
    verified: params.verified,
    client,
    provider: info.id,
    label: labelFor(params.root),
    startEpoch,
    endEpoch,
    pricePerEpoch: params.price.toString(),
    providerCollateral: (params.providerCollateral > 0n ? params.providerCollateral : world.collateralMin).toString(),
    clientCollateral: '0',
  };
  const deal = trackedDeal(world, params, proposal);
  world.clientDeals.begin(deal);
  await world.save();
  return deal.proposalCid;
}

function trackedDeal(world: World, params: StartDealParams, proposal: Proposal): ClientDeal {
  const signature = signProposal(world.wallet.key(proposal.client), proposal);
  return {
    proposalCid: signedProposalCid(proposal, signature),
    signed: { proposal, signature: Buffer.from(signature.data).toString('base64') },
    state: STATE.reserveClientFunds,
    message: '',
    dataRef: {
      TransferType: params.transferType,
      Root: link(params.root),
      PieceCid: params.pieceCid === undefined ? null : link(params.pieceCid),
      PieceSize: params.pieceSize,
    },
    root: params.root,
    createdAt: world.now(),
    stages: [],
    dealId: 0,
    reserved: '0',
  };
}

/** A piece CID that the caller gives is believed; without one the whole DAG is hashed first. */
async function pieceOf(world: World, params: StartDealParams): Promise<{ pieceCid: string; pieceSizeBytes: number }> {
  if (params.pieceCid !== undefined) {
    const pieceSizeBytes = pieceSizeOf(params.pieceSize);
    if (unpadded(pieceSizeBytes) !== params.pieceSize)
      throw new RpcError(1, 'failed to start deal: computing commP failed: invalid piece size');
    return { pieceCid: params.pieceCid, pieceSizeBytes };
  }
  try {
    return await commitDag(world, params.root);
  } catch (error) {
    throw new RpcError(1, `failed to start deal: computing commP failed: ${error instanceof Error ? error.message : error}`);
  }
}

async function mustHave({ imports }: World, root: string): Promise<void> {
  try {
    await imports.car(root);
  } catch (error) {
    throw new RpcError(1, `failed to find blockstore for root CID: ${error instanceof Error ? error.message : error}`);
  }
}

function named<T>(get: () => T, what: string): T {
  try {
    return get();
  } catch (error) {
    throw new RpcError(1, `${what}: ${error instanceof Error ? error.message : error}`);
  }
}
