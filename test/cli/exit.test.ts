import test from 'ava';

import { CliError, describeError, EXIT, exitCodeOf, isErrorCode } from '../../daemon/cli/exit.ts';
import { type ErrorCode, FbpdError } from '../../daemon/domain/errors.ts';

const CODES: readonly (readonly [ErrorCode, number])[] = [
  ['BAD_REQUEST', 2],
  ['NOT_FOUND', 1],
  ['CONFLICT', 1],
  ['BAD_CONFIG', 3],
  ['UNREACHABLE', 4],
  ['BAD_ENVIRONMENT', 5],
  ['STORAGE_FULL', 5],
  ['STORE_LOCKED', 5],
  ['STORE_DAMAGED', 6],
  ['CID_BLOCKED', 7],
];

for (const [code, exit] of CODES) {
  test(`${code} ends with ${exit}`, (t) => {
    t.is(exitCodeOf(new FbpdError(code, 'x')), exit as never);
    t.true(isErrorCode(code));
  });
}

test('an error of the command line has its own code, any other is a failure', (t) => {
  t.is(exitCodeOf(new CliError(EXIT.refused, 'x')), 7);
  t.is(exitCodeOf(new Error('x')), 1);
  t.is(exitCodeOf('x'), 1);
});

test('an error somebody foresaw is one line, any other brings its stack', (t) => {
  t.is(describeError(new FbpdError('NOT_FOUND', 'a\n  b')), 'a b');
  t.is(describeError(new CliError(EXIT.failed, 'c')), 'c');
  t.regex(describeError(new Error('d')), /^Error: d\n +at /);
});

test('a word that is no code is not taken for one', (t) => {
  t.false(isErrorCode('toString'));
  t.false(isErrorCode('TEAPOT'));
});
