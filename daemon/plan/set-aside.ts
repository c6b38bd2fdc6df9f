import type { Duty, Provider, ProviderEvent, ProviderEventKind, SetAside, Streak } from '../domain/provider.ts';
import type { ColdRules } from './rules.ts';

export type SetAsideRules = Pick<ColdRules, 'backoffEpochs' | 'setAsideEpochs' | 'setAsideCapEpochs'>;

/**
 * What a provider owes, how often in a row it may fail at it, and what shows that it does it again. That it takes deals does not show
 * that it seals them, nor that it seals them that it gives them back.
 */
const DUTIES: Readonly<
  Record<Duty, { failures: readonly ProviderEventKind[]; well: readonly ProviderEventKind[]; most: number; words: string }>
> = {
  answer: { failures: ['unreachable'], well: ['accepted', 'active', 'verified'], most: 8, words: 'did not answer' },
  take: { failures: ['refused'], well: ['accepted', 'active'], most: 8, words: 'refused deals' },
  keep: { failures: ['missed', 'lost'], well: ['active'], most: 3, words: 'missed or lost deals' },
  give_back: { failures: ['retrieval_failed'], well: ['verified'], most: 5, words: 'did not give bytes back' },
};
const ALL_DUTIES = Object.keys(DUTIES) as Duty[];

/**
 * The provider after one more thing that it did, which `events` has already. Too many failures at one duty in a row set it aside; a
 * failure after its time is over doubles that, up to a cap; success ends it at once. Failures close together are one: a provider that
 * is down for an hour fails many times. An allow-list is no failure.
 */
export function withStreaks(provider: Provider, event: Pick<ProviderEvent, 'kind' | 'epoch'>, rules: SetAsideRules): Provider {
  const done = ALL_DUTIES.filter((duty) => DUTIES[duty].well.includes(event.kind)).reduce(doneWell, provider);
  const failed = ALL_DUTIES.find((duty) => DUTIES[duty].failures.includes(event.kind));
  return failed === undefined ? done : failedAt(done, failed, event.epoch, rules);
}

/** It answered when it was asked for its ask; the rest that its silence had earned is over. */
export function withAnswer(provider: Provider): Provider {
  const answered = doneWell(provider, 'answer');
  return answered.events.at(-1)?.kind === 'unreachable' ? { ...answered, notBeforeEpoch: 0, failuresInRow: 0 } : answered;
}

/** As the operator wants it: asked for deals again, whatever happened. */
export function lifted({ setAside: _, streaks: __, suspended: ___, ...provider }: Provider): Provider {
  return { ...provider, notBeforeEpoch: 0, failuresInRow: 0 };
}

/** Why a provider that is set aside gets no deal now; undefined when it may be given one, as a trial. */
export function setAsideReason(
  { text, untilEpoch, triedEpoch, lengthEpochs }: SetAside,
  refreshedEpoch: number | undefined,
  headEpoch: number,
): string | undefined {
  if (headEpoch < untilEpoch) return `is set aside until epoch ${untilEpoch}: ${text}`;
  if (refreshedEpoch === undefined || refreshedEpoch < untilEpoch)
    return `was set aside until epoch ${untilEpoch}, and is asked for its ask first`;
  if (triedEpoch !== undefined && headEpoch - triedEpoch < lengthEpochs && triedEpoch <= headEpoch)
    return `was set aside, and is tried with one deal since epoch ${triedEpoch}`;
  return undefined;
}

/** The provider with a deal more as a trial; itself where it needs none, undefined when there is one already or it is too soon. */
export function withTrial(provider: Provider, headEpoch: number): Provider | undefined {
  const { setAside, refreshedEpoch } = provider;
  if (setAside === undefined) return provider;
  if (setAsideReason(setAside, refreshedEpoch, headEpoch) !== undefined) return undefined;
  return { ...provider, setAside: { ...setAside, triedEpoch: headEpoch } };
}

function doneWell({ streaks, setAside, ...provider }: Provider, duty: Duty): Provider {
  const { [duty]: _, ...others } = streaks ?? {};
  return {
    ...provider,
    ...(Object.keys(others).length === 0 ? {} : { streaks: others }),
    ...(setAside === undefined || setAside.duty === duty ? {} : { setAside }),
  };
}

function failedAt(provider: Provider, duty: Duty, epoch: number, rules: SetAsideRules): Provider {
  const { streaks, setAside } = provider;
  const before = streaks?.[duty];
  const isSame = before !== undefined && epoch >= before.epoch && epoch - before.epoch < rules.backoffEpochs;
  if (isSame) return provider;
  const streak: Streak = { count: (before?.count ?? 0) + 1, epoch };
  const after: Provider = { ...provider, streaks: { ...streaks, [duty]: streak } };
  if (setAside === undefined)
    return streak.count < DUTIES[duty].most ? after : { ...after, setAside: aside(duty, streak, rules.setAsideEpochs) };
  if (setAside.duty !== duty || epoch < setAside.untilEpoch) return after;
  return { ...after, setAside: aside(duty, streak, Math.min(2 * setAside.lengthEpochs, rules.setAsideCapEpochs)) };
}

function aside(duty: Duty, { count, epoch }: Streak, lengthEpochs: number): SetAside {
  return {
    duty,
    text: `${DUTIES[duty].words} ${count} times in a row`,
    sinceEpoch: epoch,
    untilEpoch: epoch + lengthEpochs,
    lengthEpochs,
  };
}
