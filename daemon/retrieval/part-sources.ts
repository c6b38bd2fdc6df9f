import type { ColdSource } from './ports.ts';

/** Who has one part of a content that was cut. */
export interface PartSources {
  /** From 0. */
  index: number;
  of: number;
  /** Of the part's CAR; undefined when nobody has it. */
  rootCid: string | undefined;
  /** In the order in which they are to be asked. */
  sources: readonly ColdSource[];
}

/** Those who have all of a content, and those who have its parts, of the cut of which most are to be had. */
export function arrangeSources(sources: readonly ColdSource[]): { whole: ColdSource[]; parts: PartSources[] } {
  const whole = sources.filter(({ part }) => part === undefined);
  const cuts = [...Map.groupBy(sources, ({ part }) => part?.cut)].flatMap(([cut, own]) => (cut === undefined ? [] : [partsIn(own)]));
  cuts.sort((a, b) => countOf(b) - countOf(a));
  return { whole, parts: cuts[0] ?? [] };
}

function partsIn(sources: readonly ColdSource[]): PartSources[] {
  const of = sources[0]?.part?.of ?? 0;
  return Array.from({ length: of }, (_, index) => {
    const own = sources.filter(({ part }) => part?.index === index);
    return { index, of, rootCid: own[0]?.part?.rootCid, sources: own };
  });
}

function countOf(parts: readonly PartSources[]): number {
  return parts.filter(({ sources }) => sources.length > 0).length;
}

/** For people. */
export function nameOf({ index, of }: Pick<PartSources, 'index' | 'of'>): string {
  return `part ${index + 1} of ${of}`;
}
