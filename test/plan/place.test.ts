import test from 'ava';

import { withPlace } from '../../daemon/plan/place.ts';
import { createProvider } from '../fixtures/create-cold.ts';

const shown = ({ country, countryFrom, countryUnknown }: ReturnType<typeof withPlace>) => [country, countryFrom, countryUnknown];

test('the config’s word about a place counts before the addresses’', (t) => {
  const provider = createProvider('f01', { country: 'DE', countryFrom: 'address' });
  t.deepEqual(shown(withPlace(provider, 'CH')), ['CH', 'config', undefined]);
  t.deepEqual(shown(withPlace(provider, 'CH', { country: 'DE' })), ['CH', 'config', undefined]);
  t.deepEqual(shown(withPlace(provider, undefined)), ['DE', 'address', undefined]);
  t.deepEqual(shown(withPlace(provider, undefined, { unknown: 'why' })), [undefined, undefined, 'why']);
});

test('a place that the config named once is not kept when it names it no more', (t) => {
  t.deepEqual(shown(withPlace(createProvider('f01', { country: 'DE', countryFrom: 'config' }), undefined)), [
    undefined,
    undefined,
    undefined,
  ]);
  t.deepEqual(
    shown(withPlace(createProvider('f01', { country: 'DE' }), undefined)),
    [undefined, undefined, undefined],
    'as older versions wrote it',
  );
});
