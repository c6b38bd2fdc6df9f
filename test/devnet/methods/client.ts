import { join } from 'node:path';
import { indexCar, writeDag } from '../car-file.ts';
import { link } from '../cids.ts';
import { STATE_NAMES } from '../client-deal.ts';
import { renderDealInfo, renderTransfer } from '../deal-info.ts';
import { RpcError } from '../errors.ts';
import { wrapFile } from '../imports.ts';
import { commitFile, unpadded } from '../piece-cid.ts';
import { asking } from '../provider-checks.ts';
import { commitDag, parseStartDeal, startDeal } from '../start-deal.ts';
import { type MethodTable, method, VOID } from './method.ts';
import { asAddress, asBigId, asCid, asInteger, asRecord, asText } from './params.ts';

const ASK_LIFE_EPOCHS = 1_000_000;
const DEAL_PROTOCOLS = ['/fil/storage/mk/1.0.1', '/fil/storage/mk/1.1.0', '/fil/storage/mk/1.1.1'];

export const CLIENT_METHODS: MethodTable = {
  ClientImport: method('admin', 1, async ({ imports, save }, [ref]) => {
    const { Path, IsCAR } = asRecord(ref, 'api.FileRef');
    const { root, id } = await imports.add(asText(Path), IsCAR === true);
    await save();
    return { Root: link(root), ImportID: BigInt(id) };
  }),
  ClientRemoveImport: method('admin', 1, async ({ imports, save }, [id]) => {
    await imports.remove(asBigId(id));
    await save();
    return VOID;
  }),
  ClientListImports: method('write', 0, ({ imports }) => imports.list()),
  ClientHasLocal: method('write', 1, ({ imports }, [root]) => imports.has(asCid(root))),
  ClientDealSize: method('read', 1, async (world, [root]) => {
    const { payloadBytes, pieceSizeBytes } = await commitDag(world, asCid(root));
    return { PayloadSize: payloadBytes, PieceSize: pieceSizeBytes };
  }),
  ClientDealPieceCID: method('read', 1, async (world, [root]) => {
    const { payloadBytes, pieceSizeBytes, pieceCid } = await commitDag(world, asCid(root));
    return { PayloadSize: payloadBytes, PieceSize: pieceSizeBytes, PieceCID: link(pieceCid) };
  }),
  ClientCalcCommP: method('write', 1, async (_world, [path]) => {
    await indexCar(asText(path));
    const { pieceCid, pieceSizeBytes } = await commitFile(asText(path));
    return { Root: link(pieceCid), Size: unpadded(pieceSizeBytes) };
  }),
  ClientGenCar: method('write', 2, async ({ dir }, [ref, to]) => {
    const { Path, IsCAR } = asRecord(ref, 'api.FileRef');
    const temporary = join(dir, 'imports', 'gen.car');
    if (IsCAR !== true) await wrapFile(asText(Path), temporary);
    const source = await indexCar(IsCAR === true ? asText(Path) : temporary);
    await writeDag(source, source.root, asText(to), () => undefined);
    return VOID;
  }),
  ClientQueryAsk: method('read', 2, ({ providers, faults, chain }, [peerId, id]) => {
    const found = providers.find(asAddress(id));
    const info = found === undefined ? undefined : asking(found, faults.ofProvider(found.id));
    // Seen on real nodes: a peer that cannot be reached gives no answer at all.
    if (info === undefined || info.peerId !== asText(peerId) || faults.ofProvider(info.id).dead === true) return forEver();
    const { price, verifiedPrice, minPieceSizeBytes, maxPieceSizeBytes } = info.ask;
    return {
      Response: {
        Price: price.toString(),
        VerifiedPrice: verifiedPrice.toString(),
        MinPieceSize: minPieceSizeBytes,
        MaxPieceSize: maxPieceSizeBytes,
        Miner: info.id,
        Timestamp: Math.max(0, chain.epoch - 1),
        Expiry: Math.max(0, chain.epoch - 1) + ASK_LIFE_EPOCHS,
        SeqNo: 1,
      },
      DealProtocols: DEAL_PROTOCOLS,
    };
  }),
  ClientStartDeal: method('admin', 1, async (world, [params]) => link(await startDeal(world, parseStartDeal(params)))),
  ClientGetDealInfo: method('read', 1, (world, [cid]) => renderDealInfo(world, world.clientDeals.get(asCid(cid)), { inList: false })),
  ClientListDeals: method('write', 0, (world) =>
    // Stages are left out, and the order is that of a map.
    [...world.clientDeals.list()]
      .sort((one, other) => (one.proposalCid.slice(-8) < other.proposalCid.slice(-8) ? -1 : 1))
      .map((deal) => renderDealInfo(world, deal, { inList: true })),
  ),
  ClientGetDealStatus: method('read', 1, (_world, [status]) => {
    const name = STATE_NAMES[asInteger(status)];
    if (name === undefined) throw new RpcError(1, `no such deal state ${status}`);
    return name;
  }),
  ClientListDataTransfers: method('write', 0, (world) =>
    world.clientDeals
      .list()
      .filter(({ transferId, dataRef }) => transferId !== undefined && dataRef.TransferType !== 'manual')
      .map((deal) => renderTransfer(world, deal, { inList: true })),
  ),
};

function forEver(): Promise<never> {
  return new Promise(() => undefined);
}
