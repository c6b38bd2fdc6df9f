import type { LiveLog, LoggedGroup } from './live-logs.ts';

export type LogVerdict =
  /** LevelDB may open it. A write torn at the very end was never acknowledged, and LevelDB leaves it out. */
  | { kind: 'whole' }
  /**
   * A power cut has kept a later write and lost an earlier one, none of them synced: everything from the gap on has to go,
   * or the store would hold commits that were judged against lost ones. Commit `synced` must still be there afterwards.
   */
  | { kind: 'cut'; index: number; sizeBytes: number; groups: number; synced: number }
  | { kind: 'damaged'; what: string };

/**
 * Judges the logs before LevelDB replays them, which would drop whatever it cannot read and delete the evidence.
 *
 * @param mark a sequence number known to be synced
 */
export function judgeLogs(logs: readonly LiveLog[], mark: number): LogVerdict {
  const gapIndex = logs.findIndex((log) => log.goodSizeBytes < log.sizeBytes);
  const before = gapIndex === -1 ? logs.flatMap(({ groups }) => groups) : groupsUpTo(logs, gapIndex);
  const missing = missingGroup(before);
  if (missing !== undefined) return { kind: 'damaged', what: `group ${missing} of the journal is missing from the log` };
  const last = before.at(-1)?.entry.last;
  const gap = logs[gapIndex];
  const after = gap === undefined ? [] : groupsBehind(logs, gapIndex);
  if (gap !== undefined && after.length > 0) {
    const synced = Math.max(mark, ...after.map(({ entry }) => entry.synced));
    if (!losesSynced(last, after, synced))
      return { kind: 'cut', index: gapIndex, sizeBytes: gap.goodSizeBytes, groups: after.length, synced };
    return { kind: 'damaged', what: `${gap.path} cannot be read from byte ${gap.goodSizeBytes} on, but commits that came later can` };
  }
  if (last !== undefined && last < mark) {
    return { kind: 'damaged', what: `the log ends with commit ${last}, but commit ${mark} was on disk` };
  }
  return { kind: 'whole' };
}

/** Whether something synced is in the gap. With no commit before it in the logs the one after it must tell. */
function losesSynced(last: number | undefined, after: readonly LoggedGroup[], synced: number): boolean {
  if (last !== undefined) return synced > last;
  return after.some(({ entry }) => entry.synced >= entry.first - 1);
}

function groupsUpTo(logs: readonly LiveLog[], index: number): LoggedGroup[] {
  return logs.slice(0, index + 1).flatMap(({ groups }) => groups);
}

function groupsBehind(logs: readonly LiveLog[], index: number): LoggedGroup[] {
  return [...(logs[index]?.stranded ?? []), ...logs.slice(index + 1).flatMap(({ groups, stranded }) => [...groups, ...stranded])];
}

function missingGroup(groups: readonly LoggedGroup[]): number | undefined {
  const at = groups.findIndex(({ entry }, index) => index > 0 && entry.group !== (groups[index - 1]?.entry.group ?? 0) + 1);
  return at === -1 ? undefined : (groups[at - 1]?.entry.group ?? 0) + 1;
}
