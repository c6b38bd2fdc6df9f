/** Epochs of one day, on every network. */
export const EPOCHS_PER_DAY = 2_880;
/** What an epoch lasts on the real networks; development networks may run faster. */
export const EPOCH_MS = 30_000;

/** A duration of a config, written in milliseconds, in whole epochs; at least one. */
export function epochsOfMs(ms: number): number {
  return Math.max(1, Math.round(ms / EPOCH_MS));
}

/** The day, counted from genesis, on which an epoch lies: what budgets are counted by, as no clock can move it. */
export function dayOfEpoch(epoch: number): number {
  return Math.floor(epoch / EPOCHS_PER_DAY);
}
