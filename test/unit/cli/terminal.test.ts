import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { processTerminal, withoutControlCodes } from '../../../src/cli/terminal.js';

class FakeStream extends EventEmitter {
  readonly written: string[] = [];
  readonly isTTY: boolean;
  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
  }
  write(text: string): boolean {
    this.written.push(text);
    return true;
  }
}

function terminal(streams: { out?: FakeStream; err?: FakeStream }, env: Record<string, string> = {}) {
  const { out = new FakeStream(), err = new FakeStream() } = streams;
  type Stream = Parameters<typeof processTerminal>[0];
  return processTerminal(out as unknown as Stream, err as unknown as Stream, env);
}

describe('the two streams', () => {
  test('results go to stdout, everything else to stderr', () => {
    const out = new FakeStream();
    const err = new FakeStream();
    const both = terminal({ out, err });
    both.result('a result');
    both.note('a note');
    expect([out.written, err.written]).toEqual([['a result\n'], ['a note\n']]);
  });

  test.each(['EPIPE', 'EIO'])(
    'a reader or terminal that goes away (%s) ends the writing without an error',
    (code) => {
      const out = new FakeStream();
      const both = terminal({ out });
      both.result('one');
      out.emit('error', Object.assign(new Error(`write ${code}`), { code }));
      both.result('two');
      expect(out.written).toEqual(['one\n']);
    },
  );

  test('another failure of a stream ends the writing and is kept', () => {
    const out = new FakeStream();
    const both = terminal({ out });
    expect(both.failure()).toBeNull();
    const error = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    out.emit('error', error);
    both.result('lost');
    expect(out.written).toEqual([]);
    expect(both.failure()).toEqual({ stream: 'stdout', error });
  });

  test.each([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
    [false, { FORCE_COLOR: '1' }, true],
    [true, { FORCE_COLOR: '0' }, false],
    [false, { FORCE_COLOR: '3', NO_COLOR: '1' }, true],
  ])('terminal %s with %o has colours: %s', (isTTY, env, expected) => {
    expect(terminal({ err: new FakeStream(isTTY) }, env).hasColor).toBe(expected);
  });
});

test('control codes are removed, line breaks and tabs stay', () => {
  expect(withoutControlCodes('a\u001b[31mred\u001b[0m\tb\n\u001b]0;title\u0007c\rd\u0008\u009b')).toBe(
    'ared\tb\ncd',
  );
});
