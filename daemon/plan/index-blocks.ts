import type { Content } from '../domain/content.ts';

/**
 * What is to become of the index of a content's blocks.
 * - `index`: its blocks are here, and none of them may be missing in it
 * - `keep`: what there is of it is right, and may be needed again
 * - `drop`: nobody may be given a block on its account
 */
export type IndexPlan = 'index' | 'keep' | 'drop';

export function planIndex(content: Content | undefined): IndexPlan {
  switch (content?.hot) {
    case 'pinned':
      // The only block of a content is its root, which nobody has to look up.
      return (content.blocks ?? 0) > 1 ? 'index' : 'drop';
    // Of a fetch under way the next attempt goes on with it; of a cold content a walk would bring the blocks back.
    case 'wanted':
    case 'cold':
      return 'keep';
    default:
      return 'drop';
  }
}
