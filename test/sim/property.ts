import fc from 'fast-check';

import { type Action, action } from './actions.ts';
import { type SimConfig, SimDaemon, SMALL_CONFIG } from './daemon.ts';
import { healAndConverge, liveOn, step } from './run.ts';
import { SMALL_WORLD, World, type WorldOptions } from './world.ts';

/** Deals so short that renewals come into the story. */
const SHORT_EPOCHS = 1_500;
export const SHORT_POLICY = { ...SMALL_CONFIG.policy, durationEpochs: SHORT_EPOCHS, renewBeforeEpochs: 400 };

export interface Story {
  seed: number;
  actions: readonly Action[];
  world?: Partial<WorldOptions>;
  config?: Partial<SimConfig>;
}

/** Tells a story from its beginning: the same one goes the same way each time. Rejects with what did not hold, and where. */
export async function tell({ seed, actions, world, config }: Story): Promise<SimDaemon> {
  const daemon = await SimDaemon.start(new World({ ...SMALL_WORLD, seed, ...world }), { ...SMALL_CONFIG, ...config });
  for (const [index, one] of actions.entries()) {
    try {
      await step(daemon, one, index);
    } catch (error) {
      throw new Error(`step ${index}, ${JSON.stringify(one)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  await healAndConverge(daemon);
  if (daemon.config.policy.durationEpochs <= SHORT_EPOCHS) await liveOn(daemon);
  return daemon;
}

export interface Search {
  numRuns: number;
  maxLength: number;
  /** Milliseconds after which a failure is not made smaller any more. */
  untilMs: number;
}

/**
 * Looks for a story that goes wrong. `FC_SEED` and `FC_PATH` tell the one again that a failed run has printed; a name is
 * given to it in `found.test.ts`.
 */
export async function search({ numRuns, maxLength, untilMs }: Search): Promise<void> {
  const { FC_SEED: seed, FC_PATH: path } = process.env;
  const story = fc.record({
    seed: fc.nat(1_000_000),
    actions: fc.array(action, { minLength: Math.ceil(maxLength / 2), maxLength, size: 'max' }),
    world: fc.record({ isWallNetwork: fc.boolean(), maker: fc.constantFrom('files' as const, 'fetches' as const) }),
    config: fc.constantFrom<Partial<SimConfig>>(
      {},
      { budget: { ...SMALL_CONFIG.budget, perDayAtto: 300_000_000n } },
      { hotContents: 2 },
      { policy: SHORT_POLICY },
      // Where one of two contents of a piece is wanted no more, it is repacked.
      { policy: { ...SHORT_POLICY, repackBelow: 0.9 } },
      { policy: { ...SHORT_POLICY, repackBelow: 0.9 }, hotContents: 2 },
    ),
  });
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      await tell(told);
    }),
    {
      numRuns,
      interruptAfterTimeLimit: untilMs,
      includeErrorInReport: true,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(path === undefined ? {} : { path }),
    },
  );
}
