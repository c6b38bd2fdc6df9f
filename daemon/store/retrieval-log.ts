import type { Store } from '../domain/ports.ts';
import type { KeptOutcome, RetrievalLog } from '../domain/retrieval-ports.ts';

/**
 * | key | value | what |
 * |---|---|---|
 * | `rt/<content>` | {@link OutcomesRecord} | who was asked for a cold content, and what came of it, the newest last |
 */
const keyOf = (contentKey: string): string => `rt/${contentKey}`;

interface OutcomesRecord {
  outcomes: readonly KeptOutcome[];
}

const KEPT_MAX = 16;

/** What became of retrievals, by content. It may be lost in a power cut: nothing is decided by it. */
export function createRetrievalLog(store: Store): RetrievalLog {
  return {
    async keep(contentKey, outcomes) {
      const before = await store.get<OutcomesRecord>(keyOf(contentKey));
      const kept = [...(before?.value.outcomes ?? []), ...outcomes].slice(-KEPT_MAX);
      await store.commit({
        expect: { [keyOf(contentKey)]: before?.version ?? null },
        ops: [{ put: keyOf(contentKey), value: { outcomes: kept } }],
        sync: false,
      });
    },
    async of(contentKey) {
      return (await store.get<OutcomesRecord>(keyOf(contentKey)))?.value.outcomes ?? [];
    },
    async forget(contentKey) {
      await store.commit({ ops: [{ del: keyOf(contentKey) }], sync: false });
    },
  };
}
