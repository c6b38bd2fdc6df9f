import { systemClock } from '../clock.ts';
import { problemOfData } from '../cold/places/places.ts';
import type { Config } from '../config.ts';
import type { Chain, DealMaker } from '../domain/cold-ports.ts';
import { formatFil } from '../domain/fil.ts';
import type { Finding } from '../domain/finding.ts';
import type { ProviderOnChain } from '../domain/provider.ts';
import { createLog } from '../log.ts';
import { earlyWarnings } from '../plan/escrow.ts';
import { domainOf, sameDomain } from '../plan/providers.ts';
import { BEHIND_MAX_SECONDS } from '../plan/rules.ts';
import { escrowMoneyOf, type LotusSide, lotusSide } from './cold.ts';
import { isFirstStart } from './places.ts';

const ANSWER_TIMEOUT_MS = 10_000;
/** A node that takes longer to say where its head is will be late for deals, too. */
const SLOW_MS = 2_000;

/** Nobody can be reached at port 0: who starts the daemon puts in the right one. */
const BROUGHT_ALONG: Finding = { about: 'lotus.rpc', state: 'ok', text: 'a development network that comes and goes with `npm start`' };

/** For `fbpd doctor` while no daemon runs: whether deals could be made, and with whom. Changes nothing anywhere. */
export async function examineCold(config: Config): Promise<Finding[]> {
  if (config.cold.maker === 'none') return [];
  if (new URL(config.lotus.rpc ?? '').port === '0') return [BROUGHT_ALONG];
  const { chain, maker, advice } = lotusSide(config, systemClock, createLog('silent'));
  const node = await examineNode(chain, config);
  if (node.state === 'fail') return [node];
  return [node, ...(await examineMaker(maker, chain, config)), ...(await examineToken(advice)), ...(await examineProviders(chain, config))];
}

/** The daemon itself reads it when it first looks an address up. */
export async function examineLocationFile({ providers: { locationFile } }: Config): Promise<Finding[]> {
  const problem = locationFile === undefined ? undefined : await problemOfData(locationFile);
  if (problem === undefined) return [];
  return [{ about: 'providers.location_file', state: 'warn', text: `${problem}: countries are known by providers.places only` }];
}

async function examineNode(chain: Chain, { lotus: { rpc = '' } }: Config): Promise<Finding> {
  const about = 'lotus.rpc';
  const beganMs = performance.now();
  try {
    const { network, headEpoch, behindSeconds = 0 } = await chain.view(AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    const tookMs = Math.round(performance.now() - beganMs);
    const at = `${rpc} is on ${network} at epoch ${headEpoch}`;
    if (behindSeconds > BEHIND_MAX_SECONDS)
      return { about, state: 'warn', text: `${at}, ${Math.round(behindSeconds)} s behind the clock: deals wait until it has caught up` };
    if (tookMs > SLOW_MS) return { about, state: 'warn', text: `${at}, but took ${tookMs} ms to say so: see what keeps the node busy` };
    return { about, state: 'ok', text: at };
  } catch (error) {
    return {
      about,
      state: 'fail',
      text: `${rpc} gives no view of the chain (${messageOf(error)}); see that Lotus runs, and that this is its RPC`,
    };
  }
}

async function examineMaker(maker: DealMaker, chain: Chain, config: Config): Promise<Finding[]> {
  const about = `maker ${maker.name}`;
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const problem = await maker.problem(signal);
  if (problem !== undefined) return [{ about, state: 'fail', text: problem.text }];
  try {
    const address = await maker.wallet(signal);
    const [walletAtto, { escrowAtto, lockedAtto }] = await Promise.all([
      chain.walletBalance(address, signal),
      chain.marketBalance(address, undefined, signal),
    ]);
    const text = `pays from ${address}: ${formatFil(walletAtto)} in the wallet, ${formatFil(escrowAtto)} in escrow`;
    const ahead = { address, walletAtto, freeAtto: escrowAtto - lockedAtto, perDayAtto: 0n, rules: escrowMoneyOf(config) };
    const warnings = maker.paysFromEscrow === true ? earlyWarnings(ahead) : [];
    return [{ about, state: 'ok', text }, ...warnings.map((one): Finding => ({ about: 'wallet', state: 'warn', text: one.text }))];
  } catch (error) {
    return [{ about, state: 'fail', text: `the wallet cannot be read (${messageOf(error)})` }];
  }
}

async function examineToken(advice: LotusSide['advice']): Promise<Finding[]> {
  const text = await advice(AbortSignal.timeout(ANSWER_TIMEOUT_MS)).catch(() => undefined);
  return text === undefined ? [] : [{ about: 'lotus.token_file', state: 'warn', text }];
}

async function examineProviders(chain: Chain, config: Config): Promise<Finding[]> {
  const {
    providers: { trusted },
    policies,
  } = config;
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const read = await Promise.allSettled(trusted.map((id) => chain.provider(id, signal)));
  const unread = read.flatMap((result, index): Finding[] =>
    result.status === 'fulfilled'
      ? []
      : [
          {
            about: trusted[index] ?? '',
            state: 'warn',
            text: `cannot be read from the chain (${messageOf(result.reason)}): no deals are made with it`,
          },
        ],
  );
  const found = read.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  return [...unread, domains(found, policies, trusted.length === 0 || !(await isFirstStart(config)))];
}

/** Providers with one owner, worker, beneficiary, peer or host are one, as they fail together. */
function domains(found: readonly ProviderOnChain[], policies: Config['policies'], mayHoldMore: boolean): Finding {
  const about = 'providers.trusted';
  const apart: ProviderOnChain[] = [];
  for (const one of found) if (!apart.some((other) => sameDomain(domainOf(one), domainOf(other)))) apart.push(one);
  const min = Math.max(...policies.map(({ replicas }) => replicas.min));
  const target = Math.max(...policies.map(({ replicas }) => replicas.target));
  const text = `${found.length} found, ${apart.length} of which share no owner, worker, beneficiary, peer or host`;
  if (apart.length < min && mayHoldMore)
    return {
      about,
      state: 'warn',
      text: `${text}: at least ${min} are wanted; those of \`fbpd providers trust\` show when the daemon runs`,
    };
  if (apart.length < min) return { about, state: 'fail', text: `${text}: at least ${min} are wanted; name others` };
  if (apart.length < target) return { about, state: 'warn', text: `${text}: ${target} copies are wanted; name others` };
  return { about, state: 'ok', text };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
