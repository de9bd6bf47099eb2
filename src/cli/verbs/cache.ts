import type { Command } from 'commander';
import { Option } from 'commander';
import type { GcOptions } from '../commands/cache-gc.js';
import { age, gigabytes, type GlobalOptions } from '../options.js';
import { verb, type Does } from './verb.js';

interface PlaceOptions extends GlobalOptions {
  readonly input?: string;
  readonly output?: string;
  readonly cacheDir?: string;
  readonly json?: boolean;
}

/** Verbs that look into the cache and look after it. */
export function addCacheVerbs(program: Command, does: Does): void {
  const cache = verb(program, 'cache', 'Look into the results that are kept, and look after them', [
    ['pipeline cache list -o results', ''],
    ['pipeline cache why train_template -o results', 'why it ran, or did not'],
    ['pipeline cache gc -o results --max-size 100G', 'what would go'],
  ]);
  addReading(cache, does);
  addVerify(cache, does);
  addGc(cache, does);
  addPins(cache, does);
  addExport(cache, does);
}

function places(command: Command): Command {
  return command
    .option('-i, --input <dir>', 'directory that the run read')
    .option('-o, --output <dir>', 'directory that the run wrote')
    .option('--cache-dir <dir>', 'where results are kept')
    .option('--json', 'as JSON');
}

function addReading(cache: Command, does: Does): void {
  places(
    verb(cache, 'list', 'List the results that are kept', [['pipeline cache list -o results', '']]),
  ).action(
    does<PlaceOptions>(
      (options) => async (session) =>
        (await import('../commands/cache-list.js')).cacheListCommand(options, session),
    ),
  );
  places(
    verb(cache, 'why', 'Say why a node ran, or was reused, in the last run', [
      ['pipeline cache why train_template -o results', ''],
      ["pipeline cache why 'read_subject[101]' -o results", 'of one participant'],
    ]).argument('<node>', 'node, or node[key] for one item'),
  )
    .option('-w, --workflow <name>', 'workflow of the run (default: that of the last run)')
    .action(
      does<PlaceOptions & { readonly workflow?: string }>(
        (options, args) => async (session) =>
          (await import('../commands/cache-why.js')).cacheWhyCommand(args[0]!, options, session),
      ),
    );
}

function addVerify(cache: Command, does: Does): void {
  places(
    verb(cache, 'verify', 'Read every result again and say which are damaged', [
      ['pipeline cache verify -o results', 'ends with 5 when something is damaged'],
    ]),
  ).action(
    does<PlaceOptions>(
      (options) => async (session) =>
        (await import('../commands/cache-verify.js')).cacheVerifyCommand(options, session),
    ),
  );
}

function addGc(cache: Command, does: Does): void {
  places(
    verb(cache, 'gc', 'Say which results may go, and with --delete take them away', [
      ['pipeline cache gc -o results --older-than 90d', 'what was not used for 90 days'],
      ['pipeline cache gc -o results --max-size 100G --delete', 'the oldest, until 100 GB are left'],
    ]),
  )
    .addOption(new Option('--max-size <amount>', 'most that may be left, such as 100G').argParser(gigabytes))
    .addOption(new Option('--older-than <time>', 'what was not used for so long, such as 90d').argParser(age))
    .option('--delete', 'take them away; without it nothing changes')
    .action(
      does<PlaceOptions & GcOptions>(
        (options) => async (session) =>
          (await import('../commands/cache-gc.js')).cacheGcCommand(options, session),
      ),
    );
}

function addPins(cache: Command, does: Does): void {
  for (const [name, what, isPinned] of [
    ['pin', 'Keep the results of a run from `cache gc`', true],
    ['unpin', 'Let `cache gc` take the results of a run again', false],
  ] as const) {
    places(
      verb(cache, name, what, [
        [`pipeline cache ${name} 20260301-140509 -o results`, 'see `pipeline runs`'],
      ]).argument('[run]', 'id of a run or its beginning (default: the last run)'),
    ).action(
      does<PlaceOptions>(
        (options, args) => async (session) =>
          (await import('../commands/cache-pin.js')).cachePinCommand(
            args[0] ?? null,
            isPinned,
            options,
            session,
          ),
      ),
    );
  }
}

function addExport(cache: Command, does: Does): void {
  places(
    verb(cache, 'export', 'Copy the results to a directory that others read with --cache-from', [
      ['pipeline cache export /shared/lab-cache -o results', 'again later: only what is new'],
    ]).argument('<dir>', 'new, empty, or an earlier export'),
  ).action(
    does<PlaceOptions>(
      (options, args) => async (session) =>
        (await import('../commands/cache-export.js')).cacheExportCommand(args[0]!, options, session),
    ),
  );
}
