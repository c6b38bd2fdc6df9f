import type { WaitingContent } from '../../domain/cold-store-port.ts';
import type { Op } from '../../domain/ports.ts';
import { type ContentRecord, coldKeys } from './keys.ts';

/** What a change does to one content. */
export interface ContentStep {
  contentKey: string;
  joins: readonly string[];
  leaves: readonly string[];
  wait?: WaitingContent;
  unwait: boolean;
}

/** What the step makes of the content's record; undefined when nothing is left to say. */
export function contentAfter(before: ContentRecord | undefined, { joins, leaves, wait, unwait }: ContentStep): ContentRecord | undefined {
  const pieces = [...(before?.pieces ?? []).filter((id) => !leaves.includes(id) && !joins.includes(id)), ...joins];
  const waiting = wait ?? (unwait ? undefined : before?.waiting);
  if (pieces.length === 0 && waiting === undefined) return undefined;
  return { pieces, ...(waiting === undefined ? {} : { waiting }) };
}

/** Record and list entry. */
export function contentOps(contentKey: string, before: ContentRecord | undefined, after: ContentRecord | undefined): Op[] {
  const key = coldKeys.content(contentKey);
  const ops: Op[] = [after === undefined ? { del: key } : { put: key, value: after }];
  const listedBefore = before?.waiting === undefined ? undefined : coldKeys.waiting(before.waiting);
  const listedAfter = after?.waiting === undefined ? undefined : coldKeys.waiting(after.waiting);
  if (listedBefore === listedAfter) return ops;
  if (listedBefore !== undefined) ops.push({ del: listedBefore });
  if (listedAfter !== undefined) ops.push({ put: listedAfter, value: {} });
  return ops;
}
