import { expect, test } from 'vitest';
import { splitWords } from '../../../src/cli/split-words.js';

test('words are separated by blanks and kept together by quotes; nothing is expanded', () => {
  expect(splitWords('notify  done')).toEqual(['notify', 'done']);
  expect(splitWords(`say 'a b' "c 'd' e" f\\ g`)).toEqual(['say', 'a b', "c 'd' e", 'f g']);
  expect(splitWords(`x '' "\\"" '\\' $HOME *;|&`)).toEqual(['x', '', '"', '\\', '$HOME', '*;|&']);
  expect(splitWords('   ')).toEqual([]);
});

test('an open quote and a lonely backslash are no words', () => {
  expect(splitWords(`say "hello`)).toBeNull();
  expect(splitWords(`say 'hello`)).toBeNull();
  expect(splitWords('say \\')).toBeNull();
});
