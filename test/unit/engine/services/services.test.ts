import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { servicesOfNode } from '../../../../src/engine/services/in-node.js';
import { getLogger, setLogLevel, type LoggerLevel } from '../../../../src/engine/services/loggers.js';
import {
  NestedProgress,
  progressParallel,
  progressSimple,
  progressSpinner,
} from '../../../../src/engine/services/progress.js';
import { jsonRenderer, lineRenderer, terminalRenderer } from '../../../../src/engine/services/renderers.js';
import { setServiceListener, type ServiceEvent } from '../../../../src/engine/services/service-events.js';
import { VERSION, VERSION_INFO } from '../../../../src/version.js';

let events: ServiceEvent[] = [];
beforeEach(() => {
  events = [];
  setServiceListener((event) => events.push(event));
});
afterEach(() => {
  setServiceListener(null);
  setLogLevel('info');
});

const texts = (): string[] =>
  events.map((event) => (event.type === 'log' ? `${event.level} ${event.message}` : event.type));

describe('loggers', () => {
  test('a level set later reaches every logger, also those made before and those with a level of their own', () => {
    const early = getLogger('neuroloom.io');
    const own = getLogger('neuroloom.io.nifti', { level: 'debug' });
    const foreign = getLogger('my.study');
    early.debug('not said');
    own.debug('said');
    setLogLevel('warn');
    for (const logger of [early, own, foreign]) logger.info('not said');
    expect([early.level, own.level, foreign.level]).toEqual(['warn', 'warn', 'warn']);
    own.error('broken');
    expect(texts()).toEqual(['debug said', 'error broken']);
    expect(getLogger('neuroloom.io')).toBe(early);
  });

  test('levels are inherited by name, and one name can be set apart', () => {
    const [child, other] = [getLogger('a.b.c'), getLogger('a.bc')];
    setLogLevel('debug', 'a.b');
    expect([child.level, other.level]).toEqual(['debug', 'info']);
    setLogLevel('silent');
    child.error('not said');
    expect(events).toEqual([]);
    expect(() => setLogLevel('loud' as LoggerLevel)).toThrow("there is no log level 'loud'");
  });
});

describe('progress', () => {
  function play(): void {
    using nested = new NestedProgress('subjects', 2, 'steps', 3);
    for (let subject = 0; subject < 2; subject++) {
      for (let step = 0; step < 3; step++) nested.advanceInner();
      nested.advanceOuter();
    }
  }

  test('an outer step starts the inner bar over; bars end also when the work throws', () => {
    play();
    const kinds = events.map(({ type }) => type.replace('progress-', ''));
    const round = ['advance', 'advance', 'advance', 'advance', 'reset'];
    expect(kinds).toEqual(['start', 'start', ...round, ...round, 'stop', 'stop']);
    events = [];
    expect(() => {
      using bar = progressSimple('work', 2);
      bar.update();
      throw new Error('broken');
    }).toThrow('broken');
    expect(events.at(-1)!.type).toBe('progress-stop');
    const spinner = progressSpinner();
    spinner.stop();
    spinner.update();
    spinner.stop();
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['progress-start', 'progress-stop']);
  });

  test('plain lines tell each tenth once, also of totals that ten does not divide', () => {
    let text = '';
    setServiceListener(lineRenderer({ write: (part) => (text += part) }));
    const bar = progressParallel('jobs', 7);
    for (let i = 0; i < 7; i++) bar.update();
    bar.stop();
    expect(text.split('\n').filter(Boolean)).toEqual([
      'jobs: 1/7 (10 %)',
      'jobs: 2/7 (20 %)',
      'jobs: 3/7 (40 %)',
      'jobs: 4/7 (50 %)',
      'jobs: 5/7 (70 %)',
      'jobs: 6/7 (80 %)',
      'jobs: 7/7 (100 %)',
    ]);
  });

  test('a terminal draws over one line, with log lines above it, and is clean at the end', () => {
    let text = '';
    let now = 0;
    setServiceListener(terminalRenderer({ write: (part) => (text += part), columns: 60 }, () => now));
    const bar = progressSimple('fit', 4);
    now = 1000;
    bar.update(2);
    getLogger('neuroloom').warn('low');
    bar.stop();
    expect(text).toContain('fit [##########..........] 2/4 1 s left');
    const parts = text.split('\r\u001b[2K');
    expect(parts.some((part) => /^\[\d\d:\d\d:\d\d\] WARN {2}neuroloom - low\n/.test(part))).toBe(true);
    expect(text.endsWith('\r\u001b[2K')).toBe(true);
  });

  test('JSON lines hold the events', () => {
    let text = '';
    setServiceListener(jsonRenderer({ write: (part) => (text += part) }));
    progressSimple('fit', 1).stop();
    expect(JSON.parse(text.split('\n')[0]!)).toMatchObject({
      type: 'progress-start',
      description: 'fit',
      total: 1,
    });
  });
});

test('within a node, loggers and outer bars are its log and its progress, and afterwards no more', () => {
  const seen: unknown[] = [];
  const log = (level: string) => (message: string) => seen.push([level, message]);
  const stop = servicesOfNode({
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    progress: (...args) => seen.push(args),
  });
  getLogger('mine').info('hello');
  const nested = new NestedProgress('outer', 2, 'inner', 5);
  nested.advanceInner();
  nested.advanceOuter();
  nested.stop();
  stop();
  getLogger('mine').info('outside');
  expect(seen).toEqual([
    ['info', 'mine: hello'],
    [1, 2, 'outer'],
  ]);
  expect(texts()).toEqual(['info outside']);
});

test('the version is told as text and as numbers', () => {
  expect(VERSION).toMatch(/^\d+\.\d+\.\d+/);
  expect(VERSION_INFO).toEqual(VERSION.split(/[.+-]/).slice(0, 3).map(Number));
});
