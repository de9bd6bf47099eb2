import { ProcessingError } from '../../errors.js';
import { nearest } from '../../nearest.js';
import { LABEL_TABLES } from './label-tables.js';

/** Parcellations and segmentations that are known by name. */
export const AtlasScheme = {
  SCHAEFER_100: 'schaefer100',
  SCHAEFER_200: 'schaefer200',
  SCHAEFER_400: 'schaefer400',
  SCHAEFER_600: 'schaefer600',
  SCHAEFER_800: 'schaefer800',
  SCHAEFER_1000: 'schaefer1000',
  DKT: 'dkt',
  DESTRIEUX: 'destrieux',
  ASEG: 'aseg',
  THALAMIC_NUCLEI: 'thalamic_nuclei',
  AMYGDALA_NUCLEI: 'amygdala_nuclei',
  HIPPOCAMPAL_SUBFIELDS: 'hippocampal_subfields',
  JULICH_BRAIN: 'julich_brain',
  TIAN_S1: 'tian_s1',
  TIAN_S2: 'tian_s2',
  TIAN_S3: 'tian_s3',
  TIAN_S4: 'tian_s4',
  BRAINNETOME: 'brainnetome',
  GLASSER_MMP: 'glasser_mmp',
} as const;
/** Id of a scheme. */
export type AtlasScheme = (typeof AtlasScheme)[keyof typeof AtlasScheme];

/** What is known of a scheme without its files. */
export interface AtlasSchemeInfo {
  readonly id: AtlasScheme;
  readonly title: string;
  /** Values at vertices of a cortical surface, or a volume of labels. */
  readonly kind: 'surface' | 'volume';
  /** Regions of each hemisphere, without the medial wall; null: not fixed, or no matter of hemispheres. */
  readonly regionsPerHemisphere: number | null;
  /** Where its files usually lie, beside a subject's `surf` folder; `{hemi}` is lh or rh. Empty: to be named. */
  readonly files: readonly string[];
  readonly reference: string;
}

const SCHAEFER = 'Schaefer et al. 2018; networks of Yeo et al. 2011';
const TIAN = 'Tian, Margulies, Breakspear & Zalesky 2020';
const schaefer = (parcels: number): AtlasSchemeInfo => ({
  id: `schaefer${parcels}` as AtlasScheme,
  title: `Schaefer, ${parcels} parcels`,
  kind: 'surface',
  regionsPerHemisphere: parcels / 2,
  files: [`../label/{hemi}.Schaefer2018_${parcels}Parcels_7Networks_order.annot`],
  reference: SCHAEFER,
});
const tian = (scale: number, regions: number): AtlasSchemeInfo => ({
  id: `tian_s${scale}` as AtlasScheme,
  title: `Tian subcortex, scale ${scale}`,
  kind: 'volume',
  regionsPerHemisphere: regions / 2,
  files: [],
  reference: TIAN,
});

/** The 19 schemes. */
export const ATLAS_SCHEMES: readonly AtlasSchemeInfo[] = [
  ...[100, 200, 400, 600, 800, 1000].map(schaefer),
  {
    id: 'dkt',
    title: 'Desikan-Killiany-Tourville',
    kind: 'surface',
    regionsPerHemisphere: 31,
    files: ['../label/{hemi}.aparc.DKTatlas.annot', '../label/{hemi}.aparc.DKTatlas40.annot'],
    reference: 'Klein & Tourville 2012',
  },
  {
    id: 'destrieux',
    title: 'Destrieux (aparc.a2009s)',
    kind: 'surface',
    regionsPerHemisphere: 74,
    files: ['../label/{hemi}.aparc.a2009s.annot'],
    reference: 'Destrieux, Fischl, Dale & Halgren 2010',
  },
  {
    id: 'aseg',
    title: 'FreeSurfer subcortical segmentation',
    kind: 'volume',
    regionsPerHemisphere: null,
    files: ['../mri/aseg.mgz'],
    reference: 'Fischl et al. 2002',
  },
  {
    id: 'thalamic_nuclei',
    title: 'Thalamic nuclei',
    kind: 'volume',
    regionsPerHemisphere: null,
    files: ['../mri/ThalamicNuclei.v13.T1.mgz', '../mri/ThalamicNuclei.mgz'],
    reference: 'Iglesias et al. 2018',
  },
  {
    id: 'amygdala_nuclei',
    title: 'Nuclei of the amygdala',
    kind: 'volume',
    regionsPerHemisphere: null,
    files: ['../mri/{hemi}.hippoAmygLabels-T1.v22.mgz', '../mri/{hemi}.hippoAmygLabels.mgz'],
    reference: 'Saygin & Kliemann et al. 2017',
  },
  {
    id: 'hippocampal_subfields',
    title: 'Hippocampal subfields',
    kind: 'volume',
    regionsPerHemisphere: null,
    files: ['../mri/{hemi}.hippoAmygLabels-T1.v22.mgz', '../mri/{hemi}.hippoAmygLabels.mgz'],
    reference: 'Iglesias et al. 2015',
  },
  {
    id: 'julich_brain',
    title: 'Julich-Brain',
    kind: 'surface',
    regionsPerHemisphere: null,
    files: [],
    reference: 'Amunts, Mohlberg, Bludau & Zilles 2020',
  },
  tian(1, 16),
  tian(2, 32),
  tian(3, 50),
  tian(4, 54),
  {
    id: 'brainnetome',
    title: 'Brainnetome',
    kind: 'surface',
    regionsPerHemisphere: 105,
    files: ['../label/{hemi}.BN_Atlas.annot'],
    reference: 'Fan et al. 2016',
  },
  {
    id: 'glasser_mmp',
    title: 'Multi-modal parcellation of the Human Connectome Project',
    kind: 'surface',
    regionsPerHemisphere: 180,
    files: ['../label/{hemi}.HCPMMP1.annot', '../label/{hemi}.HCP-MMP1.annot'],
    reference: 'Glasser et al. 2016',
  },
];

/** Other spellings. `aparc` is none of them: it is the Desikan-Killiany atlas, another one than DKT. */
const ALIASES: Readonly<Record<string, AtlasScheme>> = {
  schaefer: 'schaefer200',
  aparc_a2009s: 'destrieux',
  a2009s: 'destrieux',
  dktatlas: 'dkt',
  aparc_dktatlas: 'dkt',
  glasser: 'glasser_mmp',
  mmp: 'glasser_mmp',
  hcp: 'glasser_mmp',
  hcpmmp1: 'glasser_mmp',
  julich: 'julich_brain',
  bna: 'brainnetome',
};

/** Names that {@link atlasScheme} takes. */
export const ATLAS_NAMES: readonly string[] = [
  ...ATLAS_SCHEMES.map(({ id }) => id),
  ...[100, 200, 400, 600, 800, 1000].map((parcels) => `schaefer_${parcels}`),
  ...Object.keys(ALIASES),
];

/**
 * A scheme by its id or another spelling (`schaefer_400`, `hcp`), in any case, with `-` or `.` for `_`.
 *
 * @throws ProcessingError INVALID_ARGUMENT with the nearest name
 */
export function atlasScheme(name: string): AtlasSchemeInfo {
  const plain = name.toLowerCase().replaceAll(/[-. ]/g, '_');
  const id = ALIASES[plain] ?? plain.replace(/^schaefer_(\d+)$/, 'schaefer$1');
  const found = ATLAS_SCHEMES.find((scheme) => scheme.id === id);
  if (found !== undefined) return found;
  const near = nearest(plain, ATLAS_NAMES);
  throw new ProcessingError(
    'INVALID_ARGUMENT',
    `unknown atlas ${name}${near === null ? '' : `; did you mean ${near}?`}`,
    { cure: `choose from ${ATLAS_SCHEMES.map((scheme) => scheme.id).join(', ')}` },
  );
}

/**
 * Label numbers and names of a scheme; null where its numbers are not fixed: the colour table in the file says them then.
 */
export function labelTable(scheme: AtlasScheme): ReadonlyMap<number, string> | null {
  return LABEL_TABLES[scheme] ?? null;
}

/**
 * The label number of a name. Only the whole name counts, in any case: "hippocampus" is two structures, not the first one.
 *
 * @throws ProcessingError INVALID_ARGUMENT listing the names that contain it
 */
export function labelId(scheme: AtlasScheme, name: string): number {
  const table = labelTable(scheme);
  const wanted = name.toLowerCase();
  for (const [id, label] of table ?? []) if (label.toLowerCase() === wanted) return id;
  const like = [...(table?.values() ?? [])].filter((label) => label.toLowerCase().includes(wanted));
  throw new ProcessingError('INVALID_ARGUMENT', `${scheme} has no label ${name}`, {
    cure:
      table === null
        ? 'its numbers stand in the colour table of its file, see readParcellation'
        : like.length > 0
          ? `name one of ${like.join(', ')}`
          : 'see labelTable for its names',
  });
}

/**
 * The hemisphere that a label's name says: `Left-`, `lh_`, `7Networks_LH_`, `L_`; null where it says none.
 */
export function hemisphereOf(name: string): 'left' | 'right' | null {
  const word = /(?:^|[-_. ])(left|right|lh|rh|l|r)(?=[-_. ])/i.exec(name)?.[1]?.toLowerCase();
  return word === undefined ? null : word.startsWith('l') ? 'left' : 'right';
}

/**
 * The network in the name of a parcel of Schaefer's atlas (`7Networks_LH_SalVentAttn_Med_3`: `SalVentAttn`); null where it
 * names none. Networks have different sizes, so the number of a parcel does not tell.
 */
export function networkInName(name: string): string | null {
  return /^(?:7|17)Networks_[LR]H_([A-Za-z]+)/.exec(name)?.[1] ?? null;
}
