import { blakeCid, encodeCbor, link } from '../cids.ts';
import { provingDeadline } from '../deal-terms.ts';
import { RpcError } from '../errors.ts';
import type { ProviderInfo } from '../provider.ts';
import { multiaddrBytes } from '../provider-defaults.ts';
import type { World } from '../world.ts';
import { tipOf } from './chain.ts';
import { type MethodTable, method } from './method.ts';
import { asAddress, asInteger } from './params.ts';

const COLLATERAL_MAX = '2000000000000000000000000000';
/** Of account actors at network version 22. */
const ACCOUNT_CODE = 'bafk2bzaceb3tncntgeqvzzr5fzhvpsc5ntv3tpqrsh4jst4irfyzpkdyigibc';
const RAW_POWER_BYTES = 251_658_240n;

export const STATE_METHODS: MethodTable = {
  StateListMiners: method('read', 1, (world, [key]) => {
    tipOf(world, key);
    const ids = world.providers.list().map(({ id }) => id);
    // A map's order, which is none.
    return [...ids.slice(-1), ...ids.slice(0, -1)];
  }),
  StateMinerInfo: method('read', 2, ({ providers, faults }, [id]) => {
    const info = providers.get(asAddress(id));
    return renderMinerInfo(info, faults.ofProvider(info.id).announced);
  }),
  StateMinerPower: method('read', 2, ({ providers, faults }, [id]) => {
    const info = providers.get(asAddress(id));
    const power = (raw: bigint) => ({ RawBytePower: String(raw), QualityAdjPower: String(raw) });
    const isPowered = (one: ProviderInfo) => faults.ofProvider(one.id).powerless !== true;
    const all = BigInt(providers.list().filter(isPowered).length);
    // Who has no claim in the power table is shown with one of nothing.
    const has = isPowered(info);
    return { MinerPower: power(has ? RAW_POWER_BYTES : 0n), TotalPower: power(RAW_POWER_BYTES * all), HasMinPower: has };
  }),
  StateMinerProvingDeadline: method('read', 2, (world, [id, key]) =>
    provingDeadline(world.providers.get(asAddress(id)).id, tipOf(world, key).height),
  ),
  StateMarketBalance: method('read', 2, (world, [address, key]) => {
    const { height } = tipOf(world, key);
    const id = world.accounts.find(asAddress(address), height);
    if (id === undefined) throw new RpcError(3, 'actor not found');
    return { Escrow: world.market.escrow(id, height).toString(), Locked: world.market.locked(id, height).toString() };
  }),
  StateMarketStorageDeal: method('read', 2, (world, [dealId, key]) => {
    const { height } = tipOf(world, key);
    const deal = world.market.deal(asInteger(dealId), height);
    if (deal === undefined) {
      const why = 'deal may not have completed sealing before deal proposal start epoch, or deal may have been slashed';
      throw new RpcError(1, `deal ${asInteger(dealId)} not found - ${why}`);
    }
    const { proposal } = deal;
    return {
      Proposal: {
        PieceCID: link(proposal.pieceCid),
        PieceSize: proposal.pieceSizeBytes,
        VerifiedDeal: proposal.verified,
        Client: proposal.client,
        Provider: proposal.provider,
        Label: proposal.labelIsBytes === true ? { bytes: proposal.label } : proposal.label,
        StartEpoch: proposal.startEpoch,
        EndEpoch: proposal.endEpoch,
        StoragePricePerEpoch: proposal.pricePerEpoch,
        ProviderCollateral: proposal.providerCollateral,
        ClientCollateral: proposal.clientCollateral,
      },
      State: { SectorStartEpoch: deal.sectorStartEpoch, LastUpdatedEpoch: deal.lastUpdatedEpoch, SlashEpoch: deal.slashEpoch },
    };
  }),
  StateDealProviderCollateralBounds: method('read', 3, (world, [size, , key]) => {
    asInteger(size);
    tipOf(world, key);
    return { Min: world.collateralMin.toString(), Max: COLLATERAL_MAX };
  }),
  StateAccountKey: method('read', 2, (world, [address, key]) => {
    const { height } = tipOf(world, key);
    const asked = asAddress(address);
    if (asked.startsWith('f0') && world.accounts.keyAddress(asked, height) === asked) throw notAnAccount(world, asked);
    return world.accounts.keyAddress(asked, height);
  }),
  StateGetActor: method('read', 2, (world, [address, key]) => {
    const { height } = tipOf(world, key);
    const asked = asAddress(address);
    world.accounts.id(asked, height);
    return {
      Code: link(ACCOUNT_CODE),
      Head: link(blakeCid(encodeCbor(asked))),
      Nonce: world.accounts.nonce(asked, height),
      Balance: world.accounts.balance(asked, height).toString(),
      Address: world.accounts.keyAddress(asked, height),
    };
  }),
  StateLookupID: method('read', 2, (world, [address, key]) => world.accounts.id(asAddress(address), tipOf(world, key).height)),
  StateVerifiedClientStatus: method('read', 2, (world, [address, key]) => {
    const { height } = tipOf(world, key);
    return world.market.datacap(world.accounts.id(asAddress(address), height), height)?.toString() ?? null;
  }),
};

function notAnAccount(world: World, id: string): RpcError {
  const isMiner = world.providers.find(id) !== undefined;
  return new RpcError(1, isMiner ? `failed to resolve account actor: ${id} is not an account` : 'actor not found');
}

function renderMinerInfo(info: ProviderInfo, announced: readonly string[] | undefined): Record<string, unknown> {
  return {
    Owner: info.owner,
    Worker: info.worker,
    NewWorker: '<empty>',
    ControlAddresses: null,
    WorkerChangeEpoch: -1,
    PeerId: info.peerId,
    Multiaddrs: announced ?? info.multiaddrs.map((text) => Buffer.from(multiaddrBytes(text)).toString('base64')),
    WindowPoStProofType: 11,
    SectorSize: info.sectorSizeBytes,
    WindowPoStPartitionSectors: 2,
    ConsensusFaultElapsed: -1,
    PendingOwnerAddress: null,
    Beneficiary: info.beneficiary,
    BeneficiaryTerm: { Quota: '0', UsedQuota: '0', Expiration: 0 },
    PendingBeneficiaryTerm: null,
  };
}
