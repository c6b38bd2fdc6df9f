import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { pino } from 'pino';

import { createLotusChain } from '../../../daemon/cold/chain/lotus-chain.ts';
import { createLotusRpc } from '../../../daemon/cold/chain/lotus-rpc.ts';
import { createLotusClientMaker } from '../../../daemon/cold/makers/lotus-client.ts';
import type { RefusalKind } from '../../../daemon/domain/cold-ports.ts';
import { createDevnet, type Devnet } from '../../devnet/devnet.ts';
import type { ProviderFaults, RpcFaultKind } from '../../devnet/faults.ts';
import { poll } from '../../fixtures/poll.ts';
import { createPiece } from './create-piece.ts';
import { never } from './suite.ts';
import type { MakerWorld, ProviderFault, SendFault } from './world.ts';

const LATE_MS = 40;
/** Enough on a machine that is busy with other tests. */
const SEND_DEADLINE_MS = 3_000;
const LEAD_EPOCHS = 1_000;
const DURATION_EPOCHS = 518_400;
const GIB = 2n ** 30n;

const SEND_FAULT_KINDS: Readonly<Record<SendFault, RpcFaultKind>> = {
  'reply lost before it was done': 'reset',
  'reply lost after it was done': 'drop-reply',
  'done only after the connection was gone': 'drop-then-do',
  'never answered': 'hang',
  'stopped in the middle of the reply': 'half-open',
  'garbage in reply': 'garbage',
  'reply cut short': 'cut-json',
  'reply to another request': 'wrong-id',
  'reply of 1 GB': 'huge-body',
  'a proxy in between says 500': 'http-500',
};

const REFUSE: Readonly<Record<RefusalKind, string>> = {
  price: 'price',
  size: 'size',
  not_allowed: 'not-allowed',
  busy: 'busy',
  terms: 'deal start epoch has already elapsed',
  funds: 'clientMarketBalance.Available too small: 0 < 1',
  other: 'we are out of tune today',
};

/** The lotus-client maker over the development network. */
export async function createLotusClientWorld(sendDeadlineMs = SEND_DEADLINE_MS): Promise<MakerWorld> {
  const dir = await mkdtemp(join(tmpdir(), 'fbpd-maker-'));
  const devnet = await createDevnet({ providers: [{}, {}, { retrievalPricePerByte: 2n }] });
  const [first, second, paid] = devnet.providers.map(({ id }) => id) as [string, string, string];
  let token = devnet.tokens.admin;
  const rpc = createLotusRpc({ url: devnet.rpcUrl, token: () => token });
  const chain = createLotusChain({ rpc, finalityEpochs: 5, clock: { nowMs: () => 0 } });
  const createMaker = () =>
    createLotusClientMaker({
      rpc,
      chain,
      retrievedDirectory: join(dir, 'retrieved'),
      askDeadlineMs: 1_000,
      sendDeadlineMs,
      retrievalDeadlineMs: 4_000,
      log: pino({ level: 'silent' }),
    });
  const maker = createMaker();
  return {
    maker,
    chain,
    providers: [first, second],
    paidProvider: paid,
    noProvider: 'f0999999',
    restarted: createMaker,
    createPiece: (bytes) => createPiece(join(dir, 'staging'), bytes),
    async orderOf(piece, provider) {
      const ask = devnet.providers.find(({ id }) => id === provider)?.ask.price ?? 1n;
      const { headEpoch } = await chain.view(never);
      return {
        dealId: piece.id,
        piece,
        provider,
        startEpoch: headEpoch + LEAD_EPOCHS,
        durationEpochs: DURATION_EPOCHS,
        pricePerEpochAtto: (ask * BigInt(piece.pieceSizeBytes)) / GIB + 1n,
        verified: false,
      };
    },
    async advance(epochs) {
      await devnet.advance(epochs);
    },
    faults: {
      send: (fault, times = 1) => devnet.faults.rpc('ClientStartDeal', SEND_FAULT_KINDS[fault], { times, delayMs: LATE_MS }),
      provider: (id, fault) => devnet.faults.provider(id, providerFaults(fault)),
      silence: () => devnet.faults.rpc('*', 'hang'),
      weakToken: () => {
        token = devnet.tokens.read;
      },
      clear: () => {
        token = devnet.tokens.admin;
        devnet.faults.clear();
      },
    },
    truth: {
      async deals() {
        await lateOnes(devnet);
        return devnet.world.clientDeals.list().map(({ proposalCid, signed: { proposal } }) => {
          return { proposalCid, provider: proposal.provider, startEpoch: proposal.startEpoch };
        });
      },
      staged: () => stagedWith(devnet),
      async money() {
        const { balance, escrow } = devnet.truth();
        return BigInt(balance) + BigInt(escrow);
      },
    },
    async close() {
      await devnet.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function providerFaults(fault: ProviderFault): ProviderFaults {
  if (typeof fault === 'object') return { refuse: REFUSE[fault.refuses] };
  switch (fault) {
    case 'publishes after a refusal':
      return { refuse: 'busy', publishAfterRefusal: true };
    case 'answers nobody':
      return { dead: true };
    case 'lost the bytes':
      return { loseBytes: true };
    case 'gives other bytes back':
      return { corruptBytes: true };
    case 'never ends a retrieval':
      return { hangRetrieval: true };
  }
}

/** What is done only after its connection has gone, has been done then, however slow the machine. */
async function lateOnes({ faults, world }: Devnet): Promise<void> {
  await sleep(2 * LATE_MS);
  if (!faults.met.some(({ kind }) => kind === 'drop-then-do')) return;
  await poll('the late deal is begun', 5_000, () => world.clientDeals.list().length > 0);
}

async function stagedWith({ rpcUrl, tokens }: Devnet): Promise<number> {
  const rpc = createLotusRpc({ url: rpcUrl, token: () => tokens.admin });
  return ((await rpc.call('ClientListImports', [], { signal: never })) as unknown[]).length;
}
