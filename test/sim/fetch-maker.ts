import { ColdError, type DealMaker, type DealReport } from '../../daemon/domain/cold-ports.ts';
import type { SimMarket } from './market.ts';
import { createSimNode, providerOf, reportOf } from './node.ts';
import { prepareDeal, type SendingOptions, sendDeal } from './proposing.ts';

/**
 * A maker with the manners of mk12: providers are asked themselves, and fetch the bytes. A send asks for the status first;
 * what they say of a proposal that comes a second time proves nothing, nor does that they do not know of it.
 */
export function createFetchMaker(options: SendingOptions): DealMaker {
  const { market } = options;
  const { reach, maker } = createSimNode(options);
  return {
    ...maker,
    name: 'sim',
    needsFile: false,
    async prepare(order) {
      await reach();
      return prepareDeal(order, order.startEpoch + order.durationEpochs);
    },
    async stage() {
      throw new Error('nothing is staged for providers that fetch');
    },
    async unstage() {
      throw new Error('nothing was staged for providers that fetch');
    },
    async send(prepared) {
      const provider = providerOf(prepared);
      await reach(provider);
      const known = statusOf(prepared.proposalCid, provider, market);
      if (known !== undefined) return { kind: 'sent', said: 'the provider has it already' };
      const reply = sendDeal(prepared, options, (sent) => market.offer(sent));
      if (market.provider(provider).conduct === 'silent') throw new ColdError('unreachable', `${provider} does not answer`);
      return reply;
    },
    async report(deal) {
      const provider = providerOf(deal);
      await reach(provider);
      try {
        return statusOf(deal.proposalCid, provider, market) ?? { kind: 'absent' };
      } catch (error) {
        if (!(error instanceof ColdError)) throw error;
        return { kind: 'doubtful', said: error.message };
      }
    },
  };
}

/** Undefined when it says that it knows of no such deal. */
function statusOf(proposalCid: string, provider: string, market: SimMarket): DealReport | undefined {
  const { conduct } = market.provider(provider);
  const deal = market.reached.get(proposalCid);
  if (conduct === 'down' || (conduct === 'silent' && deal !== undefined)) throw new ColdError('unreachable', `${provider} does not answer`);
  if (deal === undefined || (conduct === 'forgets' && deal.publishCid === undefined)) return undefined;
  const report = reportOf(deal, market);
  // There is no word for a no to what it took once: it is an error like any other.
  return report.kind === 'refused' ? { kind: 'doubtful', said: report.said } : report;
}
