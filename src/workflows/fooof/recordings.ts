import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

import { ConfigError } from '../../errors.js';
import { brainVisionParts, compareIds, type RecordingFormat, type RecordingRole } from '../../io/index.js';

/** One recording below the input directory: spectra or time series. */
export interface Recording {
  /** Relative path without extension, `/` between folders: its name in tables and messages. */
  readonly name: string;
  /** Label of its node instances: the name with `__` between folders. */
  readonly id: string;
  readonly format: RecordingFormat;
  readonly files: ReadonlyArray<{ readonly role: RecordingRole; readonly path: string }>;
  /** Why it is not read; null: it is. */
  readonly refused: string | null;
}

/** Files that this workflow writes itself, when input and output are one directory. */
const OWN_OUTPUT =
  /(^|_)(fits|peaks)\.tsv$|_candidates\.tsv$|_(model|spectra)\.h5$|^bayesian_(summary\.tsv|trace\.h5)$/;
const LEFT_OUT_FOLDERS = new Set(['logs', 'node_modules']);
/** In a BIDS data set: results and sources of others. */
const BIDS_LEFT_OUT = new Set(['derivatives', 'sourcedata', 'code', 'stimuli', 'phenotype']);
/** Tables of BIDS that describe recordings. */
const BIDS_TABLE =
  /^(participants|samples|dataset_description|electrodes)\.tsv$|_(channels|electrodes|events|scans|sessions|optodes|physio|stim|coordsystem|headshape|markers)\.tsv$/;
const FREQUENCIES = /(^|_)freqs\.npy$/;

const FORMATS: Readonly<Record<string, RecordingFormat>> = {
  '.tsv': 'tsv',
  '.csv': 'csv',
  '.npy': 'npy',
  '.h5': 'hdf5',
  '.hdf5': 'hdf5',
  '.analog': 'hdf5',
  '.spectral': 'hdf5',
  '.edf': 'edf',
  '.bdf': 'edf',
  '.vhdr': 'brainvision',
};
const CONVERT = 'save it as EDF, BrainVision, HDF5, npy or a table';
/** Recordings that people have and this workflow does not read. */
const REFUSED: ReadonlyArray<readonly [RegExp, string]> = [
  [/\.fif(\.gz)?$/, `FIF is not read: ${CONVERT}`],
  [/\.set$/, `EEGLAB is not read: ${CONVERT}`],
  [/\.mat$/, `MATLAB files are not read: ${CONVERT}`],
  [/\.cnt$/, `CNT is not read: ${CONVERT}`],
  [/\.gdf$/, `GDF is not read: ${CONVERT}`],
  [/\.nwb$/, `NWB is not read: ${CONVERT}`],
  [/\.(con|sqd)$/, `KIT is not read: ${CONVERT}`],
  [/\.npz$/, 'archives of arrays are not read: save one array per .npy file'],
  [/\.(crossspectral|spike|event|timelock)$/, 'of Syncopy containers only .analog and .spectral are read'],
  [/\.ahdr$/, 'ActiView BrainVision headers are not read: export .vhdr'],
];
/** Recordings that are folders. */
const REFUSED_FOLDERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\.ds$/, `CTF is not read: ${CONVERT}`],
  [/\.mff$/, `EGI MFF is not read: ${CONVERT}`],
  [/\.mefd$/, `MEF3 is not read: ${CONVERT}`],
];

/**
 * The recordings below a directory, without hidden folders and without files that this workflow writes. Files of formats that
 * are not read are recordings too, with the reason.
 *
 * @throws ConfigError USAGE when a wanted recording is not there, or two have one label
 */
export function findRecordings(root: string, wanted: readonly string[] | null): Recording[] {
  const isBids = existsSync(join(root, 'dataset_description.json'));
  const found: Recording[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.name.startsWith('.')) continue;
      const isFolder = entry.isDirectory();
      const reason = (isFolder ? REFUSED_FOLDERS : REFUSED).find(([pattern]) =>
        pattern.test(entry.name),
      )?.[1];
      if (reason !== undefined) found.push(refusedRecording(root, path, reason));
      else if (isFolder) {
        const isLeftOut = folder === root && isBids && BIDS_LEFT_OUT.has(entry.name);
        if (!isLeftOut && !LEFT_OUT_FOLDERS.has(entry.name)) visit(path);
      } else {
        const recording = recordingOf(root, path);
        if (recording !== null) found.push(recording);
      }
    }
  };
  visit(root);
  found.sort((a, b) => compareIds(a.id, b.id));
  const at = found.findIndex(({ id }, i) => found[i + 1]?.id === id);
  if (at >= 0) {
    const [one, other] = [found[at]!, found[at + 1]!].map(({ files }) => relative(root, files[0]!.path));
    throw new ConfigError(
      'USAGE',
      `two recordings would have the label ${found[at]!.id}: ${one} and ${other}`,
      {
        cure: 'rename one of them, or move it away',
      },
    );
  }
  if (wanted === null) return found;
  const missing = wanted.filter((id) => !found.some((recording) => recording.id === id));
  if (missing.length > 0) {
    throw new ConfigError('USAGE', `no such recording in ${root}: ${missing.join(', ')}`, {
      where: '--participants',
      cure: `choose from ${found.map(({ id }) => id).join(', ')}`,
    });
  }
  return found.filter(({ id }) => wanted.includes(id));
}

/** True when a recording holds spectra by what can be seen without reading it; also when nothing can be made of it. */
export function holdsSpectra({ format, files, refused }: Recording): boolean {
  if (refused !== null) return true;
  switch (format) {
    case 'tsv':
    case 'csv':
      return !/^\uFEFF?"?time"?[\t,]/.test(beginningOf(files[0]!.path));
    case 'npy':
      return files.some(({ role }) => role === 'frequencies');
    case 'hdf5':
      return files[0]!.path.endsWith('.spectral');
    default:
      return false;
  }
}

/** The first characters of a text; none of a file that cannot be read, of which its node will say why. */
function beginningOf(path: string): string {
  const bytes = Buffer.alloc(16);
  try {
    const file = openSync(path, 'r');
    try {
      return bytes.toString('utf8', 0, readSync(file, bytes));
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}

function recordingOf(root: string, path: string): Recording | null {
  const file = basename(path);
  const extension = /\.[^.]+$/.exec(file)?.[0] ?? '';
  const format = FORMATS[extension.toLowerCase()];
  if (format === undefined || OWN_OUTPUT.test(file) || BIDS_TABLE.test(file) || FREQUENCIES.test(file))
    return null;
  const name = nameOf(root, path.slice(0, -extension.length));
  const files = [{ role: 'main', path } as const, ...companions(format, path, extension)];
  return { name, id: idOf(name), format, files, refused: null };
}

/** Files that go with a recording, where they are there; a data file that is named counts without. */
function companions(format: RecordingFormat, path: string, extension: string): Recording['files'] {
  const stem = path.slice(0, -extension.length);
  const folder = dirname(path);
  const there = (role: RecordingRole, ...paths: string[]): Recording['files'] => {
    const first = paths.find((one) => existsSync(one));
    return first === undefined ? [] : [{ role, path: first }];
  };
  const channels =
    format === 'edf' || format === 'brainvision'
      ? there('channels', `${stem.replace(/_(eeg|ieeg|meg)$/, '')}_channels.tsv`)
      : [];
  switch (format) {
    case 'npy':
      return [
        ...there('sidecar', `${stem}.json`),
        ...there('frequencies', `${stem}_freqs.npy`, join(folder, 'freqs.npy')),
      ];
    case 'brainvision': {
      const { data, marker } = brainVisionParts(readFileSync(path), basename(stem));
      const markers = marker === null ? [] : there('marker', join(folder, marker));
      return [{ role: 'data', path: join(folder, data) }, ...markers, ...channels];
    }
    default:
      return channels;
  }
}

function refusedRecording(root: string, path: string, refused: string): Recording {
  const name = nameOf(root, path);
  return { name, id: idOf(name), format: 'hdf5', files: [], refused };
}

function nameOf(root: string, path: string): string {
  return relative(root, path).split(sep).join('/');
}

function idOf(name: string): string {
  return name.replaceAll('/', '__');
}
