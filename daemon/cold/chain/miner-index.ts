import { ColdError } from '../../domain/cold-ports.ts';
import type { MinerIndex } from '../../domain/scan.ts';
import { attoOf, fieldsOf, listOf } from './fields.ts';
import { LotusRefusal } from './lotus-error.ts';
import type { LotusRpc } from './lotus-rpc.ts';

/** Mainnet's list has hundreds of thousands of entries, and Lotus reads all of them for it. */
const LIST_MS = 180_000;

/** All providers through a Lotus node; only methods that a read token, or none, may call. */
export function createMinerIndex(rpc: LotusRpc): MinerIndex {
  return {
    async list(signal) {
      const listed = listOf(
        await offered('StateListMiners', rpc.call('StateListMiners', [[]], { signal, deadlineMs: LIST_MS })),
        'list of providers',
      );
      return listed.map(numberOf).sort((a, b) => a - b);
    },
    async rawPowerBytes(id, signal) {
      const { MinerPower } = fieldsOf(await offered('StateMinerPower', rpc.call('StateMinerPower', [id, []], { signal })), 'power');
      return attoOf(fieldsOf(MinerPower, 'power of a provider').RawBytePower, 'raw power');
    },
  };
}

/** A gateway need not have every method: that is no word about a provider. */
async function offered(method: string, call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof LotusRefusal && error.noSuchMethod)) throw error;
    throw new ColdError('unauthorized', `this node does not offer ${method}: a scan needs one that does`, { cause: error });
  }
}

function numberOf(id: unknown): number {
  const digits = typeof id === 'string' ? /^[ft]0(\d{1,15})$/.exec(id)?.[1] : undefined;
  if (digits === undefined) throw new ColdError('unreachable', 'Lotus sent a list of providers with something in it that is none');
  return Number(digits);
}
