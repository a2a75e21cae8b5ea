import assert from 'node:assert/strict';
import test from 'node:test';
import { describeThrown } from '#dist/host/thread/thrown.js';

const trap = new Proxy(
  {},
  {
    get: () => {
      throw new Error('gotcha');
    },
  },
);

const cases: [what: string, thrown: unknown, message: string | RegExp][] = [
  ['an Error', new TypeError('broken'), 'broken'],
  ['a string', 'broken', 'broken'],
  ['null', null, 'null'],
  ['undefined', undefined, 'undefined'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['a number', 42, '42'],
  ['an object without a message', { a: 1 }, '[object Object]'],
  ['a message that is no string', { message: 42 }, '[object Object]'],
  [
    'a getter that throws',
    {
      get message() {
        throw new Error('gotcha');
      },
    },
    '[object Object]',
  ],
  ['a Proxy that throws', trap, 'a value that cannot be shown'],
  ['an object without a prototype', Object.create(null), 'a value that cannot be shown'],
  ['a message without end', new Error('x'.repeat(1e6)), /^x{2000}$/],
];

for (const [what, thrown, message] of cases) {
  test(`${what} becomes data`, () => {
    const info = describeThrown(thrown);
    if (typeof message === 'string') assert.equal(info.message, message);
    else assert.match(info.message, message);
    assert.ok(info.stack.length <= 8000);
    assert.deepEqual(structuredClone(info), info);
  });
}

test('name and stack of an error are kept', () => {
  const { name, stack } = describeThrown(new RangeError('too far'));
  assert.equal(name, 'RangeError');
  assert.match(stack, /thrown\.test/);
});

test('an error of the permission fence says what to grant', () => {
  const told = (permission: string, resource: string, code = 'ERR_ACCESS_DENIED') =>
    describeThrown(
      Object.assign(new Error('Restricted. Use --allow-fs-read to manage permissions.'), {
        code,
        permission,
        resource,
      }),
    ).message;
  assert.match(
    told('FileSystemRead', '/a'),
    /^Restricted\. The fence .* no read of \/a: .*permissions\.read/,
  );
  assert.match(told('WASI', ''), /no wasi: .*permissions\.wasi/);
  assert.match(told('', '', 'ERR_DLOPEN_DISABLED'), /permissions\.addons/);
  for (const message of [told('FileSystemRead', '/a', 'EACCES'), told('constructor', ''), told('', '')])
    assert.equal(message, 'Restricted. Use --allow-fs-read to manage permissions.');
});
