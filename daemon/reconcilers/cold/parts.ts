import { Cars } from './cars.ts';
import { Desk } from './desk.ts';
import { EscrowBoard } from './escrow-board.ts';
import { SpendingGuard } from './guard.ts';
import type { ColdContextOptions } from './options.ts';
import { PolicyChange } from './policy-change.ts';
import { Proposer } from './propose.ts';
import { ProviderBook } from './provider-book.ts';
import { Repacker } from './repack.ts';
import { Sender } from './send.ts';
import { WantedSamples } from './wanted-samples.ts';

/** What the cold reconcilers share, each thing once. */
export type ColdParts = ColdContextOptions & {
  desk: Desk;
  guard: SpendingGuard;
  book: ProviderBook;
  cars: Cars;
  sender: Sender;
  proposer: Proposer;
  policyChange: PolicyChange;
  samples: WantedSamples;
  board: EscrowBoard;
};

export function createColdParts(options: ColdContextOptions): ColdParts {
  const desk = new Desk(options);
  const guard = new SpendingGuard({ ...options, desk });
  const book = new ProviderBook({ ...options, desk, guard });
  const cars = new Cars(options);
  const sender = new Sender({ ...options, cars, desk, guard });
  const board = new EscrowBoard(options);
  const repacker = new Repacker({ ...options, desk });
  const proposer = new Proposer({ ...options, cars, desk, guard, book, sender, board, repacker });
  const policyChange = new PolicyChange({ ...options, desk, guard });
  const samples = new WantedSamples();
  return { ...options, samples, board, desk, guard, book, cars, sender, proposer, policyChange };
}
