import { hash } from 'node:crypto';

import { ColdError, type DealMaker, type DealOrder, type SendReply } from '../../daemon/domain/cold-ports.ts';
import { createFetchMaker } from './fetch-maker.ts';
import type { SimMarket } from './market.ts';
import { createSimNode, providerOf, reportOf } from './node.ts';
import { prepareDeal, type SendingOptions, type Sent, sendDeal } from './proposing.ts';
import type { SimDisk } from './works.ts';
import type { World } from './world.ts';

export interface SimMakerOptions extends SendingOptions {
  disk: SimDisk;
}

/** The maker of that world. */
export function createMaker(world: World): DealMaker {
  const { market, disk, faults } = world;
  const options = { market, disk, faults, later: (epochs: number, run: () => void) => world.later(epochs, run) };
  return world.options.maker === 'fetches' ? createFetchMaker(options) : createSimMaker(options);
}

/** A maker with the manners of Lotus's Client API: predicted CIDs, `already tracking`, advisory states. */
export function createSimMaker(options: SimMakerOptions): DealMaker {
  const { market, disk } = options;
  const { reach, maker } = createSimNode(options);
  return {
    ...maker,
    name: 'sim',
    needsFile: true,
    async prepare(order) {
      await reach();
      return prepareDeal(order, roundedEnd(order));
    },
    async stage(piece) {
      await reach();
      const bytes = disk.staged.get(piece.id);
      if (bytes === undefined) throw new ColdError('refused', `there is no file of ${piece.id}`);
      market.imports.set(piece.pieceCid, bytes);
    },
    async unstage(piece) {
      await reach();
      market.imports.delete(piece.pieceCid);
    },
    async send(prepared) {
      await reach(providerOf(prepared));
      return sendDeal(prepared, options, (sent) => accept(sent, market));
    },
    async report(deal) {
      await reach(providerOf(deal));
      const reached = market.reached.get(deal.proposalCid);
      return reached === undefined ? { kind: 'absent' } : reportOf(reached, market);
    },
  };
}

/** Up, as proving deadlines do. */
function roundedEnd({ startEpoch, durationEpochs, provider }: DealOrder): number {
  return startEpoch + durationEpochs + (Number.parseInt(hash('sha256', provider).slice(0, 6), 16) % 60);
}

function accept(proposal: Sent, market: SimMarket): SendReply {
  if (market.reached.has(proposal.cid)) return { kind: 'sent', said: `already tracking identifier ${proposal.cid}` };
  if (!market.imports.has(proposal.pieceCid)) return { kind: 'refused', why: 'other', said: 'data does not exist in local storage' };
  const { conduct, refusal } = market.provider(proposal.provider);
  if (conduct === 'refuses') return { kind: 'refused', why: refusal, said: 'no, thank you' };
  if (conduct === 'not_allowed') return { kind: 'refused', why: 'not_allowed', said: 'client not allowed' };
  market.take(proposal);
  return { kind: 'sent', said: proposal.cid };
}
