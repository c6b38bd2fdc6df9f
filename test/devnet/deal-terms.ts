import { base64 } from 'multiformats/bases/base64';
import { CID } from 'multiformats/cid';

import { periodStart } from './market-actor.ts';

const DEADLINES = 48;
const WINDOW_EPOCHS = 60;
const LOOKBACK_EPOCHS = 20;
const FAULT_CUTOFF_EPOCHS = 70;
const PERIOD_EPOCHS = 2_880;
/** Eight days of 120 epochs an hour: when no start is asked for. */
const START_BUFFER_EPOCHS = 8 * 24 * 120;

/** `StateMinerProvingDeadline`. */
export function provingDeadline(minerId: string, epoch: number): Record<string, number> {
  const start = periodStart(minerId, epoch, PERIOD_EPOCHS);
  const index = Math.floor((epoch - start) / WINDOW_EPOCHS);
  const open = start + index * WINDOW_EPOCHS;
  return {
    CurrentEpoch: epoch,
    PeriodStart: start,
    Index: index,
    Open: open,
    Close: open + WINDOW_EPOCHS,
    Challenge: open - LOOKBACK_EPOCHS,
    FaultCutoff: open - FAULT_CUTOFF_EPOCHS,
    WPoStPeriodDeadlines: DEADLINES,
    WPoStProvingPeriod: PERIOD_EPOCHS,
    WPoStChallengeWindow: WINDOW_EPOCHS,
    WPoStChallengeLookback: LOOKBACK_EPOCHS,
    FaultDeclarationCutoff: FAULT_CUTOFF_EPOCHS,
  };
}

/** Lotus v1.26.3, `dealStarter`: without a start of its own a deal begins eight days ahead. */
export function startEpochFor(asked: number, headEpoch: number): number {
  return asked > 0 ? asked : headEpoch + START_BUFFER_EPOCHS;
}

/**
 * Lotus v1.26.3, `calcDealExpiration`: the end is moved to the end of one of the miner's proving periods. `%` keeps the sign of
 * the dividend, and a young network has a negative period start.
 */
export function endEpochFor(minDurationEpochs: number, minerId: string, headEpoch: number, startEpoch: number): number {
  const least = startEpoch + minDurationEpochs;
  const offset = periodStart(minerId, headEpoch, PERIOD_EPOCHS) % PERIOD_EPOCHS;
  let end = least + PERIOD_EPOCHS - (least % PERIOD_EPOCHS) + offset - 1;
  while (end < least) end += PERIOD_EPOCHS;
  return end;
}

/** go-fil-markets 1.28.3, `LabelField`: multibase base64 of the root; a CIDv0 stays what it is. */
export function labelFor(root: string): string {
  const cid = CID.parse(root);
  return cid.version === 0 ? cid.toString() : base64.encode(cid.bytes);
}
