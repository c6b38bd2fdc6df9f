import { CID } from 'multiformats/cid';

import { addressBytes } from './address.ts';
import { blakeCid, bytesOf, encodeCbor, type Link, link } from './cids.ts';
import { bigBytes } from './market-cbor.ts';

/** One tip set. Headers are made again from this when asked for. */
export interface Tip {
  height: number;
  cids: readonly string[];
  parents: readonly string[];
  weight: number;
  /** Tells branches of a reorganised chain apart. */
  branch: number;
}

export interface ChainIdentity {
  /** Everything random about the chain comes from here. */
  seed: string;
  genesisTimestampSeconds: number;
  /** Seconds of chain time that an epoch takes; not what it takes on the wall clock. */
  epochSeconds: number;
  /** ID addresses of those who mine the blocks. */
  miners: readonly string[];
}

const NO_MESSAGES = blakeCid(encodeCbor(['no messages']));
const NO_RECEIPTS = blakeCid(encodeCbor(['no receipts']));
const GENESIS_PARENT = 'bafyreiaqpwbbyjo4a42saasj36kkrpv4tsherf2e7bvezkert2a7dhonoi';
const BASE_FEE = '100';
const WEIGHT_STEP = 10_000;
const PROOF_BYTES = 96;

/** The tip set on top of another one; of one block mostly, of two now and then. */
export function nextTip(chain: ChainIdentity, parent: Tip | undefined, height: number, branch: number): Tip {
  const parents = parent?.cids ?? [GENESIS_PARENT];
  const bare = { height, parents, weight: (parent?.weight ?? -WEIGHT_STEP) + WEIGHT_STEP, branch };
  const count = height % 5 === 0 && height > 0 && chain.miners.length > 1 ? 2 : 1;
  const cids = Array.from({ length: count }, (_, index) => blakeCid(encodeCbor(headerFields(chain, bare, index))));
  return { ...bare, cids };
}

/** The tip set as `ChainHead` and the like give it. */
export function renderTip(chain: ChainIdentity, tip: Tip): Record<string, unknown> {
  return { Cids: tip.cids.map(link), Blocks: tip.cids.map((_, index) => renderHeader(chain, tip, index)), Height: tip.height };
}

type Bare = Omit<Tip, 'cids'>;

function minerOf(chain: ChainIdentity, tip: Bare, index: number): string {
  if (tip.height === 0) return 'f00';
  return chain.miners[(tip.height + index) % Math.max(1, chain.miners.length)] ?? 'f00';
}

function proof(chain: ChainIdentity, tip: Bare, what: string, length = PROOF_BYTES): Uint8Array {
  return bytesOf(`${chain.seed}/${tip.branch}/${tip.height}/${what}`, length);
}

function stateRoot(chain: ChainIdentity, tip: Bare): string {
  return blakeCid(proof(chain, tip, 'state', 32));
}

/** A block header as it is written in CBOR, in the protocol's order: this is what its CID is made of. */
function headerFields(chain: ChainIdentity, tip: Bare, index: number): unknown[] {
  const genesis = tip.height === 0;
  return [
    addressBytes(minerOf(chain, tip, index)),
    [proof(chain, tip, `ticket${index}`)],
    [genesis ? 0 : 4, genesis ? new Uint8Array() : proof(chain, tip, `election${index}`)],
    [[tip.height + 100, proof(chain, tip, 'beacon', 32)]],
    genesis ? [] : [[0, Buffer.from('valid proof')]],
    tip.parents.map((cid) => CID.parse(cid)),
    bigBytes(BigInt(tip.weight)),
    tip.height,
    CID.parse(stateRoot(chain, tip)),
    CID.parse(NO_RECEIPTS),
    CID.parse(NO_MESSAGES),
    genesis ? null : Uint8Array.from([2, ...new Uint8Array(PROOF_BYTES)]),
    chain.genesisTimestampSeconds + tip.height * chain.epochSeconds,
    genesis ? null : Uint8Array.from([2, ...proof(chain, tip, `signature${index}`)]),
    0,
    bigBytes(BASE_FEE),
  ];
}

function renderHeader(chain: ChainIdentity, tip: Tip, index: number): Record<string, unknown> {
  const genesis = tip.height === 0;
  const base64 = (what: string, length = PROOF_BYTES) => Buffer.from(proof(chain, tip, what, length)).toString('base64');
  return {
    Miner: minerOf(chain, tip, index),
    Ticket: { VRFProof: base64(`ticket${index}`) },
    ElectionProof: { WinCount: genesis ? 0 : 4, VRFProof: genesis ? null : base64(`election${index}`) },
    BeaconEntries: [{ Round: tip.height + 100, Data: base64('beacon', 32) }],
    WinPoStProof: genesis ? null : [{ PoStProof: 0, ProofBytes: Buffer.from('valid proof').toString('base64') }],
    Parents: tip.parents.map((cid): Link => link(cid)),
    ParentWeight: String(tip.weight),
    Height: tip.height,
    ParentStateRoot: link(stateRoot(chain, tip)),
    ParentMessageReceipts: link(NO_RECEIPTS),
    Messages: link(NO_MESSAGES),
    BLSAggregate: genesis ? null : { Type: 2, Data: Buffer.alloc(PROOF_BYTES).toString('base64') },
    Timestamp: chain.genesisTimestampSeconds + tip.height * chain.epochSeconds,
    BlockSig: genesis ? null : { Type: 2, Data: base64(`signature${index}`) },
    ForkSignaling: 0,
    ParentBaseFee: BASE_FEE,
  };
}
