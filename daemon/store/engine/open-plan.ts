import type { FbpdError } from '../../domain/errors.ts';
import { damaged, RESTORE } from './level-errors.ts';
import type { Sentinel } from './sentinel.ts';

/** What lies in the LevelDB directory. */
export type LevelFiles =
  /** No directory, or nothing of LevelDB's data in it. */
  | 'none'
  /** Data, but no `CURRENT`: LevelDB would take it for a new, empty store. */
  | 'headless'
  | 'whole';

export type OpenPlan =
  /** Nothing is there: write a sentinel, then `finish`. */
  | { step: 'create' }
  /** A creation was begun and may have been cut short: do the rest. Such a store never held data. */
  | { step: 'finish'; sentinel: Sentinel }
  | { step: 'open'; sentinel: Sentinel }
  | { step: 'refuse'; error: FbpdError };

/** Decides from what is on disk whether a store is made, completed, opened or refused. */
export function planOpen(
  found: { sentinel: Sentinel | undefined; files: LevelFiles },
  wanted: { schema: number; create: boolean; dir: string },
): OpenPlan {
  const { sentinel, files } = found;
  const refuse = (what: string, todo: string): OpenPlan => ({ step: 'refuse', error: damaged(`${wanted.dir}: ${what}`, todo) });
  if (sentinel === undefined) {
    if (files !== 'none') {
      return refuse(
        'store.json is gone while the store beside it is there',
        'Put store.json back from a backup, or move both away and restore both.',
      );
    }
    return wanted.create
      ? { step: 'create' }
      : refuse(
          'there is no store',
          'Was it moved, or is a disk not mounted? Put it back, restore a backup, or name the right directory in state.dir; to begin anew, move everything in it away.',
        );
  }
  const schema = refusedSchema(sentinel.schema, wanted.schema);
  if (schema !== undefined) return refuse(...schema);
  if (sentinel.state === 'creating') return { step: 'finish', sentinel };
  if (files === 'none')
    return refuse("the store has vanished: store.json is there and LevelDB's files are not", `Is a disk not mounted? ${RESTORE}`);
  if (files === 'headless') return refuse('the file CURRENT of the store has vanished', RESTORE);
  return { step: 'open', sentinel };
}

function refusedSchema(found: number, known: number): [what: string, todo: string] | undefined {
  if (found === known) return undefined;
  const what = `the store has schema ${found} and this fbpd knows schema ${known}`;
  return found > known
    ? [what, 'A newer fbpd made it: run that version, or restore a backup from before the upgrade.']
    : [what, 'It is too old to be upgraded by this version: run the version that made it.'];
}
