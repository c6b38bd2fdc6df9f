import type { components } from '../../spec/fbpd.ts';
import { formatSize } from '../domain/units.ts';
import { type Column, counted, formatTime, renderFields } from './output.ts';

type Pin = components['schemas']['Pin'];
type Content = components['schemas']['Content'];

export const PIN_COLUMNS: readonly Column<Pin>[] = [
  { heading: 'REQUEST ID', cell: ({ requestId }) => requestId },
  { heading: 'ACCOUNT', cell: ({ account }) => account },
  { heading: 'STATUS', cell: ({ status }) => status },
  { heading: 'TIER', cell: ({ tier }) => tier ?? '' },
  { heading: 'CREATED', cell: ({ created }) => formatTime(created) },
  { heading: 'NAME', cell: ({ name }) => name ?? '' },
  { heading: 'CID', cell: ({ cid }) => cid },
];

/** Everything that is known of one pin. */
export function renderPin(pin: Pin): string {
  const { content } = pin;
  return renderFields([
    ['request id', pin.requestId],
    ['account', pin.account],
    ['cid', pin.cid],
    ['name', pin.name],
    ['meta', pin.meta && JSON.stringify(pin.meta)],
    ['status', pin.status],
    ['why', pin.reason?.text],
    ['created', formatTime(pin.created)],
    ['size', content?.sizeBytes === undefined ? undefined : `${formatSize(content.sizeBytes)} in ${counted(content.blocks ?? 0, 'block')}`],
    ['fetched', content?.progress && `${formatSize(content.progress.bytes)} in ${counted(content.progress.blocks, 'block')} so far`],
    ['attempts', content === undefined || content.attempts === 0 ? undefined : String(content.attempts)],
    ['next attempt', content?.nextAttempt && formatTime(content.nextAttempt)],
    ['hot copy', content && hotCopy(content)],
  ]);
}

function hotCopy({ hot, owner, pins }: Content): string {
  const whose = owner === 'foreign' ? ', pinned there before us' : '';
  return `${hot}${whose}; ${counted(pins, 'pin')} of it`;
}
