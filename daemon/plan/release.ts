import type { Content } from '../domain/content.ts';

/** Whether a hot copy that is to go may stay for as long as a provider fetches it. One that was blocked must go; one that is wanted again comes back. */
export function mayWait({ hot, pins, reason }: Pick<Content, 'hot' | 'pins' | 'reason'>): boolean {
  return hot === 'releasing' && pins === 0 && reason?.code !== 'blocked';
}

/** A hot copy that was to go and that pins name again: it is taken back where it is still there. */
export function isWantedAgain({ hot, owner, pins, reason }: Pick<Content, 'hot' | 'owner' | 'pins' | 'reason'>): boolean {
  return hot === 'releasing' && owner === 'ours' && pins > 0 && reason?.code !== 'blocked';
}
