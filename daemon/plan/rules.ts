import type { Budget } from './money.ts';

/** What the config sets. Epochs, attoFIL, bytes. */
export interface ColdSettings extends Budget {
  /** `[chain] finality` */
  finalityEpochs: number;
  /** `[chain] confirm_lost` */
  confirmLostEpochs: number;
  /** `[chain] start_lead` */
  startLeadEpochs: number;
  /** `[limits] piece_max`, padded */
  pieceMaxBytes: number;
  /** `[limits] sample_bytes_per_day` */
  sampleBytesPerDay: number;
  sampleAttoPerDay: bigint;
}

/** Every number that the cold planners and reconcilers go by. */
export interface ColdRules extends ColdSettings {
  /** A deal on its way is looked at again after so long, later ever more seldom, up to the cap. */
  pollEpochs: number;
  pollCapEpochs: number;
  /** An active deal is looked at again after so long; an ask read longer ago is read again. */
  recheckEpochs: number;
  /** What has ended, but may have money locked on the chain, is looked at again after so long. */
  settleEpochs: number;
  /** The first pause of a provider that refused; doubled each time in a row, up to the cap. */
  backoffEpochs: number;
  backoffCapEpochs: number;
  /** A provider that fails in a row is set aside for so long at first; doubled each time that its trial fails, up to the cap. */
  setAsideEpochs: number;
  setAsideCapEpochs: number;
  /** A piece for which nothing can be done at present is looked at again after so long. */
  retryEpochs: number;
  /** A node whose head lies so far behind our clock is still syncing. */
  behindMaxSeconds: number;
}

const RECHECK_CAP_EPOCHS = 2_880;
/** In hours, which is what the first pause comes to by default. */
const WEEK = 24 * 7;
/** A node that is further behind the clock has not caught up with its network. */
export const BEHIND_MAX_SECONDS = 600;

/** The rest follows from finality, so that networks with short times are looked at as often as theirs ask for. */
export function rulesOf(settings: ColdSettings): ColdRules {
  const { finalityEpochs, confirmLostEpochs } = settings;
  const pollEpochs = Math.max(1, Math.min(10, Math.round(finalityEpochs / 90)));
  const recheckEpochs = Math.max(1, Math.min(RECHECK_CAP_EPOCHS, 3 * finalityEpochs));
  const backoffEpochs = Math.max(1, confirmLostEpochs);
  return {
    ...settings,
    pollEpochs,
    pollCapEpochs: 12 * pollEpochs,
    recheckEpochs,
    settleEpochs: 7 * recheckEpochs,
    backoffEpochs,
    backoffCapEpochs: WEEK * backoffEpochs,
    setAsideEpochs: WEEK * backoffEpochs,
    setAsideCapEpochs: 8 * WEEK * backoffEpochs,
    retryEpochs: Math.max(1, Math.min(recheckEpochs, backoffEpochs)),
    behindMaxSeconds: BEHIND_MAX_SECONDS,
  };
}
