// Writes docs/reference from schemas, commands and docstrings of the built package: npm run docs [-- --check]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { buildProgram } from '../dist/cli/program.js';
import { openCatalog } from '../dist/cli/workflow-catalog.js';
import { describedKeys } from '../dist/config/index.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOTE = '<!-- Written by `npm run docs`; change the schemas, commands or docstrings instead. -->';

/** Text in a cell of a table. */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim();
const table = (titles, rows) =>
  [titles, titles.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');

async function configuration() {
  const session = { options: { load: [] }, cwd: ROOT };
  const { entries, namespaces } = await openCatalog(session);
  const summaries = new Map(entries.map(({ namespace, summary }) => [namespace, summary]));
  const blocks = new Map();
  for (const key of describedKeys(await namespaces())) {
    const block = blockOf(key);
    blocks.set(block, [...(blocks.get(block) ?? []), key]);
  }
  const sections = [...blocks].map(([block, keys]) => {
    const title = block === '' ? '## Beside the blocks' : `## ${block}`;
    const summary = summaries.get(block);
    const rows = keys.map(({ path, meaning, accepts, fallback }) => [
      `\`${path.slice(block === '' ? 0 : 1).join('.')}\``,
      fallback === undefined ? '' : `\`${cell(JSON.stringify(fallback))}\``,
      cell(accepts),
      cell(meaning),
    ]);
    return [title, ...(summary ? [`${summary}.`] : []), table(['key', 'default', 'takes', 'meaning'], rows)];
  });
  return [
    '# Configuration keys',
    NOTE,
    'Every key with its default. How a configuration is put together: [configuration.md](../configuration.md).',
    ...sections.flat(),
  ];
}

const blockOf = ({ path }) => (path.length === 1 ? '' : path[0]);

function commandLine() {
  const program = buildProgram('', () => Promise.resolve());
  const optionRows = (options) =>
    options
      .filter(({ hidden }) => !hidden)
      .map(({ flags, description, argChoices, defaultValue }) => {
        const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
        const isTold = defaultValue !== undefined && defaultValue !== false && !Array.isArray(defaultValue);
        return [
          `\`${cell(flags)}\``,
          cell(`${description}${choices}${isTold ? `; default ${defaultValue}` : ''}`),
        ];
      });
  const sections = [];
  const visit = (command, name) => {
    const { options, commands, registeredArguments } = command;
    const words = registeredArguments.map((argument) =>
      argument.required ? `<${argument.name()}>` : `[${argument.name()}]`,
    );
    if (name !== '') {
      sections.push(`## ${[name, ...words].join(' ')}`, `${command.description()}.`);
      const argumentRows = registeredArguments.map((argument, at) => [
        `\`${words[at]}\``,
        cell(argument.description),
      ]);
      const rows = [...argumentRows, ...optionRows(options)];
      if (rows.length > 0) sections.push(table(['option', 'meaning'], rows));
    }
    for (const child of commands) if (child.name() !== 'help') visit(child, `${name} ${child.name()}`.trim());
  };
  visit(program, '');
  return [
    '# Verbs and options',
    NOTE,
    'What `pipeline VERB --help` says, on one page. What the verbs do: [command-line.md](../command-line.md).',
    '## Options of every verb',
    table(['option', 'meaning'], optionRows(program.options)),
    ...sections,
  ];
}

const ENTRIES = [
  ['neuroloom', 'index.d.ts'],
  ['neuroloom/io', 'io/index.d.ts'],
  ['neuroloom/numerics', 'numerics.d.ts'],
];

function api() {
  const files = ENTRIES.map(([, file]) => join(ROOT, 'dist', file));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const sections = ENTRIES.flatMap(([name], at) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(files[at]));
    const found = checker.getExportsOfModule(module).map((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const text = ts.displayPartsToString(symbol.getDocumentationComment(checker));
      return { name: exported.name, kind: kindOf(symbol), said: cell(firstSentence(text)) };
    });
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    return [
      `## ${name}`,
      table(
        ['name', 'kind', 'meaning'],
        found.map((one) => [`\`${one.name}\``, one.kind, one.said]),
      ),
    ];
  });
  return [
    '# Names of the library',
    NOTE,
    'What each entry exports, with the first sentence of its docstring; editors show the rest. How workflows are built: [workflows-in-code.md](../workflows-in-code.md).',
    ...sections,
  ];
}

function firstSentence(text) {
  const [paragraph = ''] = text.split('\n\n');
  return /^.*?[.:](?=\s+[A-Z`]|$)/s.exec(paragraph)?.[0] ?? paragraph;
}

function kindOf({ flags }) {
  const kinds = [
    [ts.SymbolFlags.Class, 'class'],
    [ts.SymbolFlags.Function, 'function'],
    [ts.SymbolFlags.Variable, 'value'],
    [ts.SymbolFlags.Module, 'names'],
    [ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias, 'type'],
  ];
  return kinds.find(([flag]) => flags & flag)?.[1] ?? 'type';
}

const pages = {
  'configuration.md': await configuration(),
  'command-line.md': commandLine(),
  'api.md': api(),
};
for (const [name, parts] of Object.entries(pages)) {
  const file = join(ROOT, 'docs', 'reference', name);
  const text = `${parts.join('\n\n')}\n`;
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (process.argv.includes('--check')) {
    console.error(`docs/reference/${name} is not what the code says; run \`npm run build && npm run docs\``);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.log(`docs/reference/${name} written`);
}
