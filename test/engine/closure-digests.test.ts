import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { currentNodes, nextClosureList, type ClosureList } from '../support/closure-list.js';

const LIST = new URL('closure-digests.json', import.meta.url);

const MEND = [
  'A cached result of a built-in node is found by its version, so code that changes results needs a version step.',
  'Results change: raise `version` of the node, then `npm run closures`.',
  'Results stay as they are: `npm run closures -- --results-unchanged "why"`.',
].join('\n');

describe('code of built-in nodes', () => {
  test('changes only with a version step or an entry that results are unchanged', async () => {
    const written = JSON.parse(readFileSync(LIST, 'utf8')) as ClosureList;
    // `npm run closures` sets this: the list is brought up to date instead of being compared.
    const refresh = process.env['NEUROLOOM_CLOSURES'];
    const { list, problems } = nextClosureList(written, await currentNodes(), refresh || null);
    if (refresh !== undefined) writeFileSync(LIST, `${JSON.stringify(list, null, 2)}\n`);
    expect(problems, MEND).toEqual([]);
    if (refresh === undefined)
      expect(list, `the list is not up to date: npm run closures\n${MEND}`).toEqual(written);
  });

  const list: ClosureList = { fit: { version: 2, closure: 'a', results_unchanged: [] } };
  const node = { name: 'fit', version: 2, closure: 'a', file: 'src/nodes/fit.ts' };

  test('unchanged code needs nothing', () => {
    expect(nextClosureList(list, [node], null)).toEqual({ list, problems: [] });
  });

  test('changed code under the same version is a problem, and stays one until somebody decides', () => {
    expect(nextClosureList(list, [{ ...node, closure: 'b' }], null)).toEqual({
      list,
      problems: ['src/nodes/fit.ts: the code of fit changed, and its version is still 2'],
    });
  });

  test('a version step and a stated reason are the two ways out', () => {
    expect(nextClosureList(list, [{ ...node, closure: 'b', version: 3 }], null)).toEqual({
      list: { fit: { version: 3, closure: 'b', results_unchanged: [] } },
      problems: [],
    });
    expect(nextClosureList(list, [{ ...node, closure: 'b' }], 'renamed a variable')).toEqual({
      list: {
        fit: {
          version: 2,
          closure: 'b',
          results_unchanged: [{ closure: 'b', reason: 'renamed a variable' }],
        },
      },
      problems: [],
    });
  });

  test('a version that goes back and a name that is taken are problems', () => {
    expect(nextClosureList(list, [{ ...node, version: 1 }], 'x').problems).toEqual([
      'src/nodes/fit.ts: version 1 of fit is older than 2, which was used before',
    ]);
    expect(nextClosureList({}, [node, node], null).problems).toEqual([
      'src/nodes/fit.ts: two nodes are called fit',
    ]);
  });
});
