import { InvalidArgumentError, Option, type Command } from 'commander';

import type { RecommendOptions } from '../commands/recommend.js';
import type { GlobalOptions } from '../options.js';
import { verb, type Does } from './verb.js';

function numberFrom(least: number, isWhole: boolean): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && (!isWhole || Number.isSafeInteger(value))) return value;
    throw new InvalidArgumentError(`It is not a ${isWhole ? 'whole ' : ''}number from ${least}.`);
  };
}

/** `pipeline recommend MESH`. */
export function addRecommend(program: Command, does: Does): void {
  verb(program, 'recommend', 'Try which shape descriptors see a change of a surface', [
    ['pipeline recommend lh.pial --objective group_discrimination', ''],
    ['pipeline recommend hipp.surf.gii --objective subregion_detection --json', 'for a program'],
  ])
    .argument('<mesh>', 'a triangle mesh; one with a few thousand vertices is enough')
    .addOption(
      new Option('--objective <objective>', 'what the study is after')
        .choices(['group_discrimination', 'lateralization', 'longitudinal_change', 'subregion_detection'])
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--surrogates <n>', 'deformed copies, half of them with the change')
        .default(30)
        .argParser(numberFrom(10, true)),
    )
    .addOption(
      new Option('--noise <part>', 'random bumps of every copy, part of sqrt(area)')
        .default(0.005)
        .argParser(numberFrom(0, false)),
    )
    .addOption(new Option('--k <n>', 'eigenpairs per copy').default(30).argParser(numberFrom(3, true)))
    .addOption(new Option('--seed <n>', 'of the deformations').default(42).argParser(numberFrom(0, true)))
    .option('--eligibility <file>', 'JSON with descriptors per objective instead of ours')
    .option('--json', 'as JSON')
    .action(
      does<GlobalOptions & RecommendOptions>(
        (options, args) => async (session) =>
          (await import('../commands/recommend.js')).recommendCommand(args[0]!, options, session),
      ),
    );
}
