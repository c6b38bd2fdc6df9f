import type { Content } from '../../domain/content.ts';
import type { Op } from '../../domain/ports.ts';
import { indexKeys } from '../blocks/keys.ts';
import type { FateStep } from './fate-commit.ts';

/** False of what is known to be a single block: such a content takes no place in the index of blocks. */
export function hasIndex({ blocks }: Pick<Content, 'blocks'>): boolean {
  return blocks === undefined || blocks > 1;
}

/**
 * What a commit of these steps writes for the index of blocks: the contents whose index is to be looked at (`il/`, see
 * `blocks/keys.ts`). As it is part of the commit, no crash leaves a held content without an index for good, or the index of
 * one that is gone.
 */
export function indexListOps(steps: readonly FateStep[]): Op[] {
  return steps.filter(concernsIndex).map(({ before }) => ({ put: indexKeys.listed(before.contentKey), value: {} }));
}

/** True when the content came to be held hot, or nothing of it need be known any more. */
function concernsIndex({ before, after }: FateStep): boolean {
  const was = before.fate.content;
  const is = after.content;
  if (was?.hot === is?.hot) return false;
  const known = is ?? was;
  return known !== undefined && hasIndex(known) && is?.hot !== 'wanted' && is?.hot !== 'cold';
}
