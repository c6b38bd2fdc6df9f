/** Who has a content, or a part of it. */
export interface DrillCopy {
  dealId: string;
  provider: string;
  isPart?: true;
}

/** A content and who has it. */
export interface DrillContent {
  contentKey: string;
  sizeBytes: number;
  /** Deals that are active. */
  copies: readonly DrillCopy[];
}

/** One content to be fetched from one deal. */
export interface DrillStep extends DrillCopy {
  contentKey: string;
  /** Of the content, or the largest of its parts. */
  sizeBytes: number;
}

export interface DrillLimits {
  /** Over all copies. */
  bytesMax: number;
  contentsMax: number;
  /** In [0, 1). */
  random(): number;
}

/**
 * Which of the drawn contents are fetched, and from whom: from all who have them, as far as the bytes go; where they do not go so
 * far, from those who were asked least. Repeats are passed over.
 */
export function planDrill(drawn: readonly DrillContent[], { bytesMax, contentsMax, random }: DrillLimits): DrillStep[] {
  const steps: DrillStep[] = [];
  const contents = new Set<string>();
  const asked = new Map<string, number>();
  let left = bytesMax;
  for (const { contentKey, sizeBytes, copies } of drawn) {
    if (contents.size >= contentsMax) break;
    if (contents.has(contentKey)) continue;
    const affordable = sizeBytes === 0 ? copies.length : Math.floor(left / sizeBytes);
    const ordered = copies
      .map((copy) => ({ copy, asked: asked.get(copy.provider) ?? 0, draw: random() }))
      .sort((a, b) => a.asked - b.asked || a.draw - b.draw);
    for (const { copy } of ordered.slice(0, affordable)) {
      contents.add(contentKey);
      steps.push({ contentKey, sizeBytes, ...copy });
      asked.set(copy.provider, (asked.get(copy.provider) ?? 0) + 1);
      left -= sizeBytes;
    }
  }
  return steps;
}
