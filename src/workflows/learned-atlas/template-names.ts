/** Names of a learned atlas in the layout of BIDS for templates and atlases, beside the default ones. */
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import type { AtlasStatisticName } from '../../numerics/registration/statistics.js';

/** Maps that BIDS has a suffix for: values of a `probseg` are from 0 to 1. Standard deviations have none. */
type TemplateMap = Extract<AtlasStatisticName, 'mean' | 'prob_threshold'>;

const DESCRIPTIONS: Readonly<Record<TemplateMap, string>> = { mean: 'mean', prob_threshold: 'presence' };

/** Which of the written maps have a name in this layout: a mean of counts is no share of anything. */
export function templateMaps(
  written: readonly AtlasStatisticName[],
  normalization: NormalizationMethod,
): TemplateMap[] {
  const maps: readonly TemplateMap[] =
    normalization === 'none' ? ['prob_threshold'] : ['mean', 'prob_threshold'];
  return maps.filter((name) => written.includes(name));
}

/** Relative to the output directory. */
export function templateMapName(label: string, name: TemplateMap): string {
  return `tpl-${label}/dwi/tpl-${label}_atlas-${label}_desc-${DESCRIPTIONS[name]}_probseg.nii.gz`;
}

/** Relative to the output directory. */
export function templateDescriptionName(label: string): string {
  return `atlas-${label}_description.json`;
}
