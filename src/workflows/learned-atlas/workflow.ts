import { join } from 'node:path';

import { Workflow } from '../../engine/builder.js';
import { CohortDir } from '../../engine/cohort-dir.js';
import { produces, workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { claimsGpu } from '../../numerics/devices.js';
import { diagnoseCohort } from '../../nodes/atlas/diagnose-cohort.js';
import { describeTemplate } from '../../nodes/atlas/describe-template.js';
import { emitSubject } from '../../nodes/atlas/emit-subject.js';
import { evaluateSubject } from '../../nodes/atlas/evaluate-subject.js';
import { leaveOut } from '../../nodes/atlas/leave-out.js';
import { trainFold } from '../../nodes/atlas/train-fold.js';
import { fieldFileName } from '../../nodes/atlas/field-file.js';
import {
  DIAGNOSTICS_FILE,
  EVALUATION_FILE,
  METADATA_FILE,
  MODEL_FILE,
  TEMPLATES_DIRECTORY,
} from '../../nodes/atlas/learned-files.js';
import { mapFileName } from '../../nodes/atlas/result-files.js';
import { summarizeEvaluation } from '../../nodes/atlas/summarize-evaluation.js';
import { trainTemplate } from '../../nodes/atlas/train-template.js';
import { writeMaps } from '../../nodes/atlas/write-maps.js';
import { inspectCohort } from '../atlas/cohort-check.js';
import { chosenSubjects, cohortMembers, type CohortMember } from '../atlas/cohort.js';
import { type AtlasConfig, atlasStatisticsOf } from '../atlas/config.js';
import { addReadSubjects } from '../atlas/read-cohort.js';
import { LearnedAtlasConfig } from './config.js';
import { memoryRequests, type MemoryRequests } from './memory-requests.js';
import { templateDescriptionName, templateMapName, templateMaps } from './template-names.js';
import { cropInput, emissionInput, mapsInput, recordedConfig, trainingInput } from './node-inputs.js';
import { learnedAtlasProblems } from './requirements.js';
import { type TrainingRelpath, trainingRelpath } from './training-volumes.js';

interface Config extends MergedConfig {
  readonly atlas: AtlasConfig;
  readonly learned_atlas: LearnedAtlasConfig;
}

/** Results of a run appear together or not at all. */
const GROUP = { group: 'learned_atlas' };

/** One sharp template of tract density, learned together with a diffeomorphic registration of every subject. */
@workflow({
  name: 'learned_atlas',
  summary: 'Learns one sharp template and a diffeomorphic field per subject, and writes the same five maps',
  scope: 'cohort',
  configNamespace: 'learned_atlas',
  configSchema: LearnedAtlasConfig,
  checksInput: true,
})
@produces({ atlasDir: CohortDir.from(LearnedAtlasConfig, 'output_subdir') })
export class LearnedAtlas {
  verifyRequirements(config: Config, context: WorkflowContext): Promise<Problem[]> {
    return learnedAtlasProblems(config, context);
  }

  buildWorkflow(given: { atlasDir: string; config: Config; context: WorkflowContext }): Workflow {
    const { atlasDir, config, context } = given;
    const learned = config.learned_atlas;
    const wf = new Workflow('learned_atlas');
    if (!learned.enabled) return wf;

    const { members, chosen } = trainingMembers(config, context);
    const cohort = { root: context.inputDir, members };
    const read = addReadSubjects(wf, cohort, config.atlas.normalization_method);
    const atLeast = { minItems: learned.min_subjects };
    const densities = wf.join(read.out.density, atLeast);
    const infos = wf.join(read.out.info, atLeast);
    const { memory_limit_mb } = learned;
    const { resume, checkpoint_every } = learned.optimizer;
    const training = trainingInput(config);
    const emission = emissionInput(learned);
    const memory = requestedMemory(config, members);
    const gpus = claimsGpu(learned.device) ? 1 : 0;

    const trained = wf.add(
      trainTemplate,
      {
        densities,
        headers: wf.join(read.out.header, atLeast),
        infos,
        training,
        resume,
        checkpoint_every,
        memory_limit_mb,
      },
      { resources: { cpus: context.cpus, memoryGb: memory.trainingGb, gpus } },
    );
    const emitted = wf.map(
      emitSubject,
      {
        density: read.out.density,
        info: read.out.info,
        model: trained.out.model,
        header: trained.out.header,
        emission,
      },
      { resources: { memoryGb: memory.registrationGb, gpus } },
    );
    const diagnosed = wf.add(diagnoseCohort, { densities, infos });
    const written = wf.add(writeMaps, {
      infos,
      emissions: wf.join(emitted.out.emission, atLeast),
      warped: wf.join(emitted.out.warped, atLeast),
      fields: learned.save_fields ? wf.join(emitted.out.field, atLeast) : [],
      dropped: wf.dropped(read.out.info),
      model: trained.out.model,
      training: trained.out.training,
      header: trained.out.header,
      diagnostics: diagnosed.out.diagnostics,
      statistics: atlasStatisticsOf(config.atlas),
      maps: mapsInput(learned, chosen),
      config: recordedConfig(config),
    });

    const place = (name: string): string => join(atlasDir, name);
    for (const name of learned.emit_baseline_maps) {
      wf.publish(written.out[name], place(mapFileName(name)), GROUP);
    }
    const label = learned.template_label;
    const [first, ...others] =
      label === null ? [] : templateMaps(learned.emit_baseline_maps, config.atlas.normalization_method);
    if (label !== null && first !== undefined) {
      for (const name of [first, ...others]) {
        wf.publish(written.out[name], templateMapName(label, name), GROUP);
      }
      const space = templateMapName(label, first);
      const described = wf.add(describeTemplate, { label, metadata: written.out.metadata, space });
      wf.publish(described.out.description, templateDescriptionName(label), GROUP);
    }
    if (learned.save_fields) wf.publish(emitted.out.field, (id) => place(fieldFileName(id)), GROUP);
    if (learned.model.n_templates > 1) {
      wf.publish(written.out.templates, place(TEMPLATES_DIRECTORY), GROUP);
    }
    wf.publish(written.out.model, place(MODEL_FILE), GROUP);
    wf.publish(written.out.metadata, place(METADATA_FILE), GROUP);
    wf.publish(diagnosed.out.diagnostics, place(DIAGNOSTICS_FILE), GROUP);

    if (learned.evaluate === 'loo') {
      const group_by = learned.group_by;
      const fold = wf.map(leaveOut, {
        info: read.out.info,
        densities,
        infos,
        group_by,
        crop: cropInput(learned),
      });
      const model = wf.map(
        trainFold,
        { training_set: fold.out.training_set, training, resume, checkpoint_every, memory_limit_mb },
        { resources: { memoryGb: memory.trainingGb, gpus } },
      );
      const evaluated = wf.map(
        evaluateSubject,
        {
          info: read.out.info,
          density: read.out.density,
          model: model.out.model,
          mean: fold.out.mean,
          left_out: fold.out.left_out,
          emission,
        },
        { resources: { memoryGb: memory.registrationGb, gpus } },
      );
      const summary = wf.add(summarizeEvaluation, {
        evaluations: wf.join(evaluated.out.evaluation, atLeast),
        dropped: wf.dropped(evaluated.out.evaluation),
        mode: learned.optimizer.mode,
        group_by,
      });
      wf.publish(summary.out.evaluation, place(EVALUATION_FILE), GROUP);
    }
    return wf;
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeLearnedAtlas(results);
  }
}

function trainingMembers(
  config: Config,
  context: WorkflowContext,
): { members: CohortMember[]; chosen: TrainingRelpath } {
  const cohort = {
    root: context.inputDir,
    pattern: config.atlas.subject_pattern,
    participants: context.participants,
  };
  const chosen = trainingRelpath(config, chosenSubjects(cohort));
  if (chosen === null) throw new Error('buildWorkflow was called although affine_native_relpath is missing');
  return { members: cohortMembers({ ...cohort, relpath: chosen.relpath }), chosen };
}

/** From the header of the first readable volume; the requirements have seen that there is one. */
function requestedMemory(config: Config, members: readonly CohortMember[]): MemoryRequests {
  const { model, loss, optimizer, memory_limit_mb: limit } = config.learned_atlas;
  const [x = 1, y = 1, z = 1] = inspectCohort(members).readable[0]?.header.shape ?? [];
  const densityInLog = config.atlas.normalization_method === 'log';
  return memoryRequests([x, y, z], members.length, { model, loss, optimizer, densityInLog }, limit);
}
