import type { Chain, MarketBalance } from '../../domain/cold-ports.ts';
import type { EscrowBook } from '../../domain/escrow.ts';
import type { MessageSight, WalletPort } from '../../domain/wallet-port.ts';
import { ASK_NODE_MS, answerOf, within } from './deadline.ts';
import type { Look } from './guard.ts';

/** Wallet and escrow at the finalized tip set and at the head, and the message under way. */
export interface EscrowLook {
  final: MarketBalance & { nonce: number; walletAtto: bigint };
  head: MarketBalance & { walletAtto: bigint; nextNonce: number };
  /** Absent when there is no message, or the node did not say. */
  sight?: MessageSight;
}

/** Beyond the epochs since it was signed: it may have been signed at a head that was taken back. */
const LOOKBACK_MORE_EPOCHS = 10;

/** One look at our money; undefined when the node did not say all of it. */
export async function lookAtEscrow(
  address: string,
  book: EscrowBook | undefined,
  { view }: Look,
  { chain, wallet }: { chain: Chain; wallet: WalletPort },
  signal: AbortSignal,
): Promise<EscrowLook | undefined> {
  const soon = within(signal, ASK_NODE_MS);
  const read = await answerOf(
    Promise.all([
      chain.marketBalance(address, view.finalizedKey, soon),
      wallet.actor(address, view.finalizedKey, soon),
      chain.marketBalance(address, undefined, soon),
      wallet.actor(address, undefined, soon),
      wallet.nextNonce(address, soon),
    ]),
  );
  if (read === undefined) return undefined;
  const [finalMarket, finalActor, headMarket, headActor, nextNonce] = read;
  const sight = await sightOf(
    book,
    { headEpoch: view.headEpoch, final: finalActor?.nonce ?? 0, head: headActor?.nonce ?? 0 },
    wallet,
    signal,
  );
  return {
    final: { ...finalMarket, nonce: finalActor?.nonce ?? 0, walletAtto: finalActor?.balanceAtto ?? 0n },
    head: { ...headMarket, walletAtto: headActor?.balanceAtto ?? 0n, nextNonce },
    ...(sight === undefined ? {} : { sight }),
  };
}

/** The chain is searched until it was found, and once more when it is final: in between its nonce tells that no reorg took it back. */
async function sightOf(
  book: EscrowBook | undefined,
  { headEpoch, final, head }: { headEpoch: number; final: number; head: number },
  wallet: WalletPort,
  signal: AbortSignal,
): Promise<MessageSight | undefined> {
  const [oldest] = book?.message?.versions ?? [];
  const newest = book?.message?.versions.at(-1);
  if (book?.message === undefined || oldest === undefined || newest === undefined) return undefined;
  const { seen, nonce } = book.message;
  if (seen !== undefined && final <= nonce && head > nonce) return { kind: 'found', receipt: seen };
  const lookback = Math.max(1, headEpoch - oldest.epoch + LOOKBACK_MORE_EPOCHS);
  return answerOf(wallet.find(newest, lookback, within(signal, ASK_NODE_MS)));
}
