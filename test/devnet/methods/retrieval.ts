import { link } from '../cids.ts';
import { RpcError } from '../errors.ts';
import { unpadded } from '../piece-cid.ts';
import type { ProviderInfo } from '../provider.ts';
import type { RetrievalOrder } from '../retrievals.ts';
import type { World } from '../world.ts';
import { type MethodTable, method, VOID } from './method.ts';
import { asAddress, asAtto, asBigId, asCid, asOptionalCid, asRecord, asText } from './params.ts';

const INTERVAL_BYTES = 1_048_576;
const STATUS_COMPLETED = 15;
const STATUS_ONGOING = 6;

export const RETRIEVAL_METHODS: MethodTable = {
  ClientFindData: method('read', 2, async (world, [root, piece]) => {
    const offers = await Promise.all(
      world.providers
        .list()
        .filter(({ id }) => world.faults.ofProvider(id).dead !== true)
        .map((info) => offerOf(world, info, asCid(root), asOptionalCid(piece))),
    );
    return offers.filter(({ Err }) => Err === '');
  }),
  ClientMinerQueryOffer: method('read', 3, (world, [id, root, piece]) => {
    const info = world.providers.get(asAddress(id));
    if (world.faults.ofProvider(info.id).dead === true) return new Promise(() => undefined);
    return offerOf(world, info, asCid(root), asOptionalCid(piece));
  }),
  ClientRetrieve: method('admin', 1, (world, [order]) => ({ DealID: BigInt(world.retrievals.begin(parseOrder(order))) })),
  ClientRetrieveWait: method('admin', 1, async ({ retrievals }, [id]) => {
    await retrievals.get(asBigId(id)).done;
    return VOID;
  }),
  ClientListRetrievals: method('write', 0, (world) => world.retrievals.list().map((one) => renderRetrieval(world, one))),
  ClientExport: method('admin', 2, async ({ retrievals }, [what, to]) => {
    const { Root, DAGs, DealID } = asRecord(what, 'api.ExportRef');
    const { Path, IsCAR } = asRecord(to, 'api.FileRef');
    if (Array.isArray(DAGs) && DAGs.length > 0) throw new RpcError(1, 'the development network exports whole DAGs only');
    await retrievals.export(asBigId(DealID ?? 0), asCid(Root), asText(Path), IsCAR === true);
    return VOID;
  }),
};

/** Version 0 of the API waits and exports in the same call. */
export const RETRIEVAL_METHODS_V0: MethodTable = {
  ClientRetrieve: method('admin', 2, async ({ retrievals }, [order, to]) => {
    const parsed = parseOrder(order);
    const id = retrievals.begin(parsed);
    await retrievals.get(id).done;
    if (to !== null) {
      const { Path, IsCAR } = asRecord(to, 'api.FileRef');
      await retrievals.export(id, parsed.root, asText(Path), IsCAR === true);
    }
    return VOID;
  }),
};

function parseOrder(value: unknown): RetrievalOrder {
  const order = asRecord(value, 'api.RetrievalOrder');
  const peer = asRecord(order.MinerPeer, 'retrievalmarket.RetrievalPeer');
  return { root: asCid(order.Root), provider: asAddress(peer.Address), total: asAtto(order.Total) };
}

/** `Miner` is the address that is paid; the provider is `MinerPeer.Address`. */
async function offerOf(world: World, info: ProviderInfo, root: string, piece: string | undefined) {
  const found = await world.retrievals.find(info, root);
  const isOffered = found !== undefined && world.faults.ofProvider(info.id).refuseRetrieval !== true;
  const size = isOffered ? unpadded(found.proposal.pieceSizeBytes) : 0;
  const why = `failed to fetch piece to retrieve from: getting pieces for cid ${root}: datastore: key not found`;
  return {
    Err: isOffered ? '' : `retrieval query offer errored: ${why}`,
    Root: link(root),
    Piece: piece === undefined || !isOffered ? null : link(piece),
    Size: size,
    MinPrice: (info.retrievalPricePerByte * BigInt(size)).toString(),
    UnsealPrice: '0',
    PricePerByte: isOffered ? info.retrievalPricePerByte.toString() : '0',
    PaymentInterval: isOffered ? INTERVAL_BYTES : 0,
    PaymentIntervalIncrease: isOffered ? INTERVAL_BYTES : 0,
    Miner: info.owner,
    MinerPeer: { Address: info.id, ID: info.peerId, PieceCID: null },
  };
}

function renderRetrieval(world: World, { id, root, provider, bytes }: ReturnType<World['retrievals']['list']>[number]) {
  const peerId = world.providers.find(provider)?.peerId ?? '';
  const status = bytes > 0 ? STATUS_COMPLETED : STATUS_ONGOING;
  return {
    PayloadCID: link(root),
    ID: BigInt(id),
    PieceCID: null,
    PricePerByte: '0',
    UnsealPrice: '0',
    Status: status,
    Message: '',
    Provider: peerId,
    BytesReceived: bytes,
    BytesPaidFor: 0,
    TotalPaid: '0',
    TransferChannelID: { Initiator: world.peerId, Responder: peerId, ID: BigInt(id) },
    DataTransfer: {
      TransferID: BigInt(id),
      Status: status,
      BaseCID: link(root),
      IsInitiator: true,
      IsSender: false,
      Voucher: JSON.stringify({ PayloadCID: link(root) }),
      Message: '',
      OtherPeer: peerId,
      Transferred: bytes,
      Stages: null,
    },
    Event: null,
  };
}
