import { closeSync, mkdtempSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  openLog,
  readLogTail,
  resetLog,
  saveLog,
  stripControl,
  tailPathOf,
} from '../../../src/engine/log-capture.js';
import { enforceLogCap } from '../../../src/engine/log-cap.js';

const CAP = 1000;
let directory: string;
let path: string;
let fd: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'neuroloom-log-'));
  path = join(directory, 'log');
  fd = openLog(path);
});

afterEach(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

function print(text: string): void {
  writeSync(fd, text);
  enforceLogCap({ fd, path, tailPath: tailPathOf(path) }, CAP);
}

test('a short log is kept as it is', () => {
  print('one\ntwo\n');
  const saved = join(directory, 'saved');
  expect(saveLog(path, saved, CAP)).toBe(8);
  expect(readFileSync(saved, 'utf8')).toBe('one\ntwo\n');
});

test('of a long log the first and the last half of the cap are kept, with a marker between', () => {
  const lines = Array.from({ length: 1000 }, (_, i) => `line ${String(i).padStart(4, '0')}\n`);
  for (const line of lines) print(line);
  expect(statSync(path).size).toBeLessThanOrEqual(CAP);
  const saved = join(directory, 'saved');
  saveLog(path, saved, CAP);
  const text = readFileSync(saved, 'utf8');
  const whole = lines.join('');
  expect(text.startsWith(whole.slice(0, CAP / 2))).toBe(true);
  expect(text.endsWith(whole.slice(-CAP / 2))).toBe(true);
  expect(text).toContain('part of this log was left out');
});

test('one line larger than the cap is cut too', () => {
  print('x'.repeat(10 * CAP));
  expect(statSync(path).size).toBe(CAP / 2);
});

test('a burst that ends before anything was cut is saved within the cap, its end too', () => {
  writeSync(fd, `${'x'.repeat(10 * CAP)}end\n`);
  const target = join(directory, 'burst');
  expect(saveLog(path, target, CAP)).toBeLessThan(CAP + 100);
  const text = readFileSync(target, 'utf8');
  expect(text).toContain('part of this log was left out');
  expect(text.endsWith('xend\n')).toBe(true);
});

test('a log that was cut starts empty for the next node', () => {
  print('x'.repeat(10 * CAP));
  resetLog(fd, path);
  print('next\n');
  expect(readLogTail(path, 20)).toBe('next');
});

test('the tail has the last lines, also when they are in the part that was cut off', () => {
  for (let i = 0; i < 300; i++) print(`line ${i}\n`);
  expect(readLogTail(path, 2)).toBe('line 298\nline 299');
});

test('terminal codes and control characters are removed, text in any language stays', () => {
  expect(stripControl('\u001b[31mrot\u001b[0m \u001b]0;title\u0007größe\u0000\t日本\r\n')).toBe(
    'rot größe\t日本\n',
  );
});

test('a node that printed nothing has no log', () => {
  expect(saveLog(path, join(directory, 'saved'), CAP)).toBe(0);
  expect(readLogTail(path, 20)).toBe('');
});
