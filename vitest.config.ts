import ts from 'typescript';
import { defineConfig, type Plugin } from 'vitest/config';
import { BaseSequencer, type Reporter, type TestSpecification } from 'vitest/node';

/** Vite leaves standard decorators as they are and Node cannot parse them: lower the files that hold one. */
export function lowerDecorators(): Plugin {
  return {
    name: 'lower-decorators',
    enforce: 'pre',
    transform(code, id) {
      if (!id.endsWith('.ts') || !/^\s*@\w+\(/m.test(code)) return null;
      const out = ts.transpileModule(code, {
        fileName: id,
        compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, sourceMap: true },
      });
      return { code: out.outputText, map: out.sourceMapText ?? null };
    },
  };
}

/**
 * A shared machine can lose a real scheduler or a terminal for a moment. In CI a failed test has a second try, and each
 * test that needed one is named at the end, so that it is looked at and not forgotten.
 */
function secondTries(): Reporter {
  const names: string[] = [];
  return {
    onTestCaseResult(test) {
      const tries = test.diagnostic()?.retryCount ?? 0;
      if (tries > 0) names.push(`${test.module.relativeModuleId} > ${test.fullName}`);
    },
    onTestRunEnd() {
      for (const name of names) process.stdout.write(`tried twice: ${name}\n`);
    },
  };
}

/**
 * Files that take a minute each, most of it in processes that they started, longest first. Begun last, one of them would
 * run on alone while nothing else is left to do.
 */
const LONG = [
  'cli/learned-atlas',
  'engine/slurm',
  'cli/encoding-fit',
  'cli/atlas',
  'cli/run',
  'cli/fooof',
  'engine/run',
  'engine/kill',
  'cli/look',
  'cli/atlas-to-patient',
  'engine/closure-digests',
  'browser/report',
];

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
      return found < 0 ? LONG.length : found;
    };
    return (await super.sort(files)).sort((a, b) => place(a) - place(b));
  }
}

/** No test proves speed by its limit: these only end what hangs, also on a busy machine. */
const LIMITS = { testTimeout: 300_000, hookTimeout: 300_000 };
/** Tests in process share their modules with others in the same worker: loading them anew for each file took a third. */
const SHARING = ['test/unit/**/*.test.ts', 'test/golden/**/*.test.ts'];
/** These replace a module, or a class of the language. */
const REPLACING = [
  'test/golden/direct-mode.test.ts',
  'test/unit/numerics/spectral/solver-failures.test.ts',
  'test/unit/numerics/wasm/no-room.test.ts',
];
/** A driver stays in the process that loaded it. */
const DRIVING = ['test/golden/graphics-card.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    // more than the two cores of a small machine: many tests wait for processes that they started
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    retry: process.env['CI'] ? 1 : 0,
    reporters: process.env['CI']
      ? ['default', ['json', { outputFile: '.vitest/results.json' }], secondTries()]
      : ['default'],
    projects: [
      {
        plugins: [lowerDecorators()],
        test: {
          ...LIMITS,
          name: 'in process',
          include: SHARING,
          exclude: [...REPLACING, ...DRIVING],
          setupFiles: ['test/support/own-isa.ts'],
          pool: 'forks',
          isolate: false,
        },
      },
      {
        plugins: [lowerDecorators()],
        test: {
          ...LIMITS,
          name: 'alone',
          include: ['test/{browser,cli,engine,property}/**/*.test.ts', ...REPLACING, ...DRIVING],
          pool: 'forks',
          typecheck: {
            enabled: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: 'test/types/tsconfig.json',
          },
        },
      },
    ],
  },
});
