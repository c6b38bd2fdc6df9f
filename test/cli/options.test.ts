import test from 'ava';
import { type Command, CommanderError, InvalidArgumentError } from 'commander';

import { createProgram } from '../../daemon/cli/fbpd.ts';
import { collect, collectPairs, durationSeconds, durationSecondsUpTo, positiveInteger, wordsOf } from '../../daemon/cli/options.ts';

test('counts, durations and words are read', (t) => {
  t.is(positiveInteger('50'), 50);
  t.is(durationSeconds('30d'), 2_592_000);
  t.is(durationSecondsUpTo('30d')('30d'), 2_592_000);
  t.deepEqual(wordsOf(['a', 'b'])('b, a'), ['b', 'a']);
});

test('what may be repeated is collected', (t) => {
  t.deepEqual(collect('b', collect('a')), ['a', 'b']);
  t.deepEqual(collectPairs('k=x=y', collectPairs('a=1')), { a: '1', k: 'x=y' });
});

for (const [what, read] of [
  ['a count of 0', () => positiveInteger('0')],
  ['a count with a sign', () => positiveInteger('-1')],
  ['a count that is a word', () => positiveInteger('ten')],
  ['a duration without a unit', () => durationSeconds('30')],
  ['a duration of no length', () => durationSeconds('1ms')],
  ['a duration beyond the most', () => durationSecondsUpTo('30d')('31d')],
  ['a word that is none', () => wordsOf(['a'])('a,c')],
  ['a pair without a key', () => collectPairs('=x')],
  ['a pair without a value', () => collectPairs('x')],
] as const) {
  test(`${what} is refused`, (t) => t.throws(read, { instanceOf: InvalidArgumentError }));
}

const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';

for (const [args, named] of [
  [['deals', 'get', ''], "argument 'id'"],
  [['providers', 'suspend', '', 'slow'], "argument 'provider'"],
  [['pins', 'explain', ''], "argument 'requestid'"],
  [['pins', 'rm', 'one', ''], "argument 'requestids'"],
  [['receipts', 'export', ''], "argument 'requestId'"],
  [['get', ''], "argument 'cid[/path]'"],
  [['get', CID, '-o', ''], "option '-o, --output <target>'"],
  [['pins', 'ls', '--cid', ''], "option '--cid <cid>'"],
  [['pins', 'add', CID, '--origin', ''], "option '--origin <multiaddr>'"],
  [['--socket', '', 'status'], "option '--socket <path>'"],
] as const) {
  test(`empty: ${args.join(' ')}`, async (t) => {
    const said: string[] = [];
    const program = createProgram();
    everyCommand(program, (command) => command.configureOutput({ writeErr: (text) => said.push(text) }));
    await t.throwsAsync(program.parseAsync([...args], { from: 'user' }), { instanceOf: CommanderError });
    t.deepEqual(said, [`fbpd: ${named} is empty. See fbpd --help.\n`]);
  });
}

test('words for people may be empty', async (t) => {
  for (const args of [
    ['freeze', ''],
    ['providers', 'suspend', 'f01000', ''],
    ['block', CID, '--note', ''],
    ['pins', 'add', CID, '--account', 'ada', '--name', ''],
    ['links', 'create', CID, '--account', 'ada', '--path', ''],
  ])
    await t.throwsAsync(
      createProgram().parseAsync([...args, '--socket', '/nowhere'], { from: 'user' }),
      { message: /nobody listens/ },
      args.join(' '),
    );
});

function everyCommand(command: Command, work: (command: Command) => void): void {
  work(command);
  for (const one of command.commands) everyCommand(one, work);
}
