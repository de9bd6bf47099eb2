/**
 * Rules of BIDS for derivatives, as far as they concern what the workflows write: a table of our own after the
 * specification 1.10 (common principles; derivatives; entities). Names that the specifications of the workflows fix and
 * that begin with no entity are none of its names, and are held to the rules of all files only.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { readNifti, readNpy } from '../../src/io/index.js';

/** Entities in the order in which they stand in a name. */
const ENTITIES = [
  ...['sub', 'tpl', 'ses', 'cohort', 'sample', 'task', 'acq', 'ce', 'rec', 'dir', 'run', 'echo', 'hemi'],
  ...['space', 'atlas', 'seg', 'scale', 'res', 'den', 'label', 'desc'],
];

/** Suffixes of derivatives with a meaning of their own, and the range of their values. */
const RANGES: Readonly<Record<string, readonly [number, number]>> = { probseg: [0, 1], mask: [0, 1] };

interface Dataset {
  readonly root: string;
  /** Relative paths with `/`, without what the engine keeps for itself. */
  readonly files: readonly string[];
}

type Rule = (dataset: Dataset) => Promise<readonly string[]> | readonly string[];

/** Each rule by the sentence it checks. */
const RULES: Readonly<Record<string, Rule>> = {
  'dataset_description.json has Name, BIDSVersion, DatasetType derivative and GeneratedBy with a Name': ({
    root,
  }) => {
    const json = readJson(join(root, 'dataset_description.json'));
    const by = json['GeneratedBy'] as { Name?: unknown }[] | undefined;
    const isRight =
      typeof json['Name'] === 'string' &&
      /^\d+\.\d+\.\d+$/.test(String(json['BIDSVersion'])) &&
      json['DatasetType'] === 'derivative' &&
      by?.every(({ Name }) => typeof Name === 'string') === true;
    return isRight ? [] : ['dataset_description.json'];
  },
  'names hold letters, digits, dot, hyphen, plus and underscore only': ({ files }) =>
    files.filter((path) => path.split('/').some((part) => !/^[A-Za-z0-9._+-]+$/.test(part))),
  'no two names differ in case alone': ({ files }) => {
    const seen = new Map<string, string>();
    return files.filter((path) => {
      const lower = path.toLowerCase();
      const other = seen.get(lower);
      seen.set(lower, path);
      return other !== undefined && other !== path;
    });
  },
  'entities stand in order, each once, with a label of letters and digits, before the suffix': ({ files }) =>
    files.filter((path) => isEntityName(path) && !hasOrderedEntities(basename(path))),
  'a file of a template or a subject lies below its folder': ({ files }) =>
    files.filter((path) => {
      const first = /^(?:sub|tpl)-[A-Za-z0-9]+(?=_)/.exec(basename(path))?.[0];
      if (first === undefined || !path.includes('/')) return false;
      // Folders of the input are kept; those of BIDS are named after the subject.
      return /^(?:sub|tpl)-/.test(path) && !path.startsWith(`${first}/`);
    }),
  'an atlas that a name speaks of has a description with a Name': ({ root, files }) =>
    files
      .flatMap((path) => /_atlas-([A-Za-z0-9]+)_/.exec(basename(path))?.[1] ?? [])
      .filter((label) => {
        const file = join(root, `atlas-${label}_description.json`);
        return !existsSync(file) || typeof readJson(file)['Name'] !== 'string';
      }),
  'every file of data has a JSON beside it, or is one': ({ files }) => {
    const there = new Set(files);
    return files.filter(
      (path) =>
        !path.endsWith('.json') &&
        !there.has(`${path}.json`) &&
        !there.has(`${path.replace(/(\.nii\.gz|\.[a-z]+\.gii|\.vl\.json|\.[^./]+)$/, '')}.json`),
    );
  },
  'every JSON can be read, and holds no path of this machine': ({ root, files }) =>
    files
      .filter((path) => path.endsWith('.json'))
      .filter((path) => {
        const text = readFileSync(join(root, path), 'utf8');
        JSON.parse(text);
        return text.includes(dirname(root));
      }),
  'Sources are BIDS URIs of this data set, or of one that DatasetLinks names': ({ root, files }) => {
    const links = Object.keys(
      (readJson(join(root, 'dataset_description.json'))['DatasetLinks'] ?? {}) as object,
    );
    return files
      .filter((path) => path.endsWith('.json') && path !== 'dataset_description.json')
      .filter((path) => {
        const sources = readJson(join(root, path))['Sources'];
        if (!Array.isArray(sources)) return false;
        return sources.some((source: unknown) => {
          const [, link, inside] = /^bids:([^:]*):(.+)$/.exec(String(source)) ?? [];
          if (inside === undefined || link === undefined) return true;
          return link === '' ? !existsSync(join(root, inside)) : !links.includes(link);
        });
      });
  },
  'tables are UTF-8 with one line of distinct names, equal columns, n/a where nothing is known, and a last newline':
    ({ root, files }) =>
      files.filter((path) => path.endsWith('.tsv') && !isTable(readFileSync(join(root, path)))),
  'volumes can be read, say mm, and hold a matrix': async ({ root, files }) => {
    const wrong: string[] = [];
    for (const path of files.filter((one) => one.endsWith('.nii.gz'))) {
      const { headerBytes, affine } = await readNifti(join(root, path));
      const view = new DataView(headerBytes.buffer, headerBytes.byteOffset);
      const isMm = ((headerBytes[123] ?? 0) & 7) === 2;
      const codes = [view.getInt16(252, true), view.getInt16(254, true)];
      if (!isMm || Math.max(...codes) < 1 || !affine.every(Number.isFinite)) wrong.push(path);
    }
    return wrong;
  },
  'values lie in the range of their suffix': async ({ root, files }) => {
    const wrong: string[] = [];
    for (const path of files.filter((one) => one.endsWith('.nii.gz') && isEntityName(one))) {
      const range = RANGES[/_([a-z]+)\.nii\.gz$/i.exec(path)?.[1] ?? ''];
      if (range === undefined) continue;
      const { data } = await readNifti(join(root, path));
      for (let i = 0; i < data.length; i++) {
        if (data[i]! >= range[0] && data[i]! <= range[1]) continue;
        wrong.push(path);
        break;
      }
    }
    return wrong;
  },
  'arrays can be read': async ({ root, files }) => {
    for (const path of files.filter((one) => one.endsWith('.npy'))) await readNpy(join(root, path));
    return [];
  },
};

/**
 * @param root - an output directory
 * @returns what breaks a rule, as `rule: file`
 */
export async function brokenRules(root: string): Promise<string[]> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !/^(\.neuroloom|logs)\//.test(path));
  if (files.length < 2) throw new Error(`${root} holds no results`);
  const broken: string[] = [];
  for (const [sentence, rule] of Object.entries(RULES)) {
    for (const path of await rule({ root, files })) broken.push(`${sentence}: ${path}`);
  }
  return broken;
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

/** Names of templates and atlases are ours alone; those of subjects keep the stem of the input. */
function isEntityName(path: string): boolean {
  return /^(tpl|atlas)-/.test(basename(path));
}

function hasOrderedEntities(name: string): boolean {
  const parts = name.replace(/\..*$/, '').split('_');
  const suffix = parts.pop() ?? '';
  if (!/^[A-Za-z0-9]+$/.test(suffix)) return false;
  let last = -1;
  for (const part of parts) {
    const [, entity, label] = /^([a-z]+)-(.+)$/.exec(part) ?? [];
    const place = ENTITIES.indexOf(entity ?? '');
    if (place <= last || !/^[A-Za-z0-9]+$/.test(label ?? '')) return false;
    last = place;
  }
  return true;
}

function isTable(bytes: Buffer): boolean {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  if (!text.endsWith('\n') || text.includes('\r') || text.startsWith('\uFEFF')) return false;
  const [head = '', ...rows] = text.slice(0, -1).split('\n');
  const names = head.split('\t');
  if (new Set(names).size !== names.length || names.includes('')) return false;
  return rows.every((row) => {
    const cells = row.split('\t');
    return (
      cells.length === names.length && cells.every((cell) => cell !== '' && !/^(nan|null|-?inf)$/i.test(cell))
    );
  });
}
