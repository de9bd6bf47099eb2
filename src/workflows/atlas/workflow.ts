import { Workflow } from '../../engine/builder.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { ATLAS_METADATA_FILE } from '../../nodes/atlas/average-files.js';
import { averageCohort } from '../../nodes/atlas/average-cohort.js';
import { mapFileName } from '../../nodes/atlas/result-files.js';
import { ATLAS_STATISTIC_NAMES } from '../../numerics/registration/statistics.js';
import { cohortMembers } from './cohort.js';
import { AtlasConfig, atlasStatisticsOf } from './config.js';
import { addReadSubjects } from './read-cohort.js';
import { atlasProblems } from './requirements.js';

/** Directory of the results below the output directory. */
const DIRECTORY = 'atlas';

interface Config extends MergedConfig {
  readonly atlas: AtlasConfig;
}

/** The averaging atlas: five voxel-wise maps over the normalised volumes of a cohort. */
@workflow({
  name: 'atlas',
  summary: 'Averages tract density volumes of a cohort into five maps',
  scope: 'cohort',
  configNamespace: 'atlas',
  configSchema: AtlasConfig,
  checksInput: true,
})
export class Atlas {
  verifyRequirements(config: Config, context: WorkflowContext): Problem[] {
    return atlasProblems(config.atlas, context);
  }

  buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }): Workflow {
    const { atlas } = config;
    const root = context.inputDir;
    const members = cohortMembers({
      root,
      pattern: atlas.subject_pattern,
      relpath: atlas.tractography_relpath,
      participants: context.participants,
    });
    const wf = new Workflow('atlas');
    const read = addReadSubjects(wf, { root, members }, atlas.normalization_method);
    const join = { minItems: atlas.min_subjects };
    const average = wf.add(averageCohort, {
      densities: wf.join(read.out.density, join),
      headers: wf.join(read.out.header, join),
      infos: wf.join(read.out.info, join),
      dropped: wf.dropped(read.out.info),
      statistics: atlasStatisticsOf(atlas),
      config: { atlas },
    });
    for (const name of ATLAS_STATISTIC_NAMES) {
      wf.publish(average.out[name], `${DIRECTORY}/${mapFileName(name)}`, { group: DIRECTORY });
    }
    wf.publish(average.out.metadata, `${DIRECTORY}/${ATLAS_METADATA_FILE}`, { group: DIRECTORY });
    return wf;
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeAtlas(results);
  }
}
