import type { DrillReport } from '../domain/drill.ts';
import type { Store } from '../domain/ports.ts';

/** The newest report of a restore drill lies here. */
const KEY = 'v/drill';
/** A larger drill keeps the first so many copies. */
const COPIES_MAX = 1_000;

export interface DrillReports {
  /** In place of the one before. It may be lost in a power cut: the next drill writes another. */
  keep(report: DrillReport): Promise<void>;
  last(): Promise<DrillReport | undefined>;
}

export function createDrillReports(store: Store): DrillReports {
  return {
    async keep(report) {
      const value = { ...report, copies: report.copies.slice(0, COPIES_MAX) };
      await store.commit({ ops: [{ put: KEY, value }], sync: false });
    },
    async last() {
      return (await store.get<DrillReport>(KEY))?.value;
    },
  };
}
