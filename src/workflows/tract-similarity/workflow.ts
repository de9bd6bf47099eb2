import { Workflow } from '../../engine/builder.js';
import { inputFile } from '../../engine/port.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { pairVoxels } from '../../io/index.js';
import { collectSimilarities, SIMILARITY_TABLE } from '../../nodes/atlas/collect-similarities.js';
import { compareMaps } from '../../nodes/atlas/compare-maps.js';
import { findComparison, type SimilarityConfig } from './comparison.js';
import { TractSimilarityConfig } from './config.js';
import { similarityProblems } from './requirements.js';

/** Directory of the comparisons below the output directory. */
const DIRECTORY = 'tract_similarity';

/** How alike tract density maps are: overlap, correlation, shared mass, and distances of surfaces. */
@workflow({
  name: 'tract_similarity',
  summary: 'Compares every subject of a cohort, or every map of a directory, with a reference map or atlas',
  scope: 'cohort',
  configNamespace: 'tract_similarity',
  configSchema: TractSimilarityConfig,
  checksInput: true,
})
export class TractSimilarity {
  verifyRequirements(config: MergedConfig & SimilarityConfig, context: WorkflowContext): Problem[] {
    return similarityProblems(config, context);
  }

  buildWorkflow(given: { config: MergedConfig & SimilarityConfig; context: WorkflowContext }): Workflow {
    const { reference, threshold } = given.config.tract_similarity;
    if (reference === null) throw new Error('buildWorkflow was called although the reference is missing');
    const comparison = findComparison(given.config, reference, given.context);
    const wf = new Workflow('tract_similarity');
    const candidates = wf.items(comparison.candidates, { key: ({ pair }) => pair.candidate });
    const compared = wf.map(compareMaps, {
      pair: candidates.select(({ pair }) => pair),
      candidate: candidates.select(({ volume }) => inputFile(volume)),
      voxels: candidates.select(({ volume }) => pairVoxels([volume, comparison.reference]).map(inputFile)),
      waytotal: candidates.select(({ waytotal }) => (waytotal === null ? null : inputFile(waytotal))),
      method: comparison.method,
      reference: inputFile(comparison.reference),
      threshold,
    });
    const collected = wf.add(collectSimilarities, {
      rows: wf.join(compared.out.row, { minItems: 1 }),
      dropped: wf.dropped(compared.out.row),
    });
    const pairOf = new Map(comparison.candidates.map(({ pair }) => [pair.candidate, pair.pair]));
    wf.publish(compared.out.similarity, (id) => `${DIRECTORY}/${pairOf.get(id)}.json`);
    wf.publish(collected.out.table, SIMILARITY_TABLE);
    return wf;
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeTractSimilarity(results);
  }
}
