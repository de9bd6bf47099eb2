import { Workflow } from '../../engine/builder.js';
import { inputFile } from '../../engine/port.js';
import { workflow, type MergedConfig, type WorkflowContext } from '../../engine/registry.js';
import type { ReportSection } from '../../engine/report-section.js';
import type { Problem } from '../../engine/requirements.js';
import type { ResultFiles } from '../../engine/result-files.js';
import { pairVoxels } from '../../io/index.js';
import { claimsGpu } from '../../numerics/devices.js';
import { registerPatient } from '../../nodes/atlas/register-patient.js';
import { mapFileName } from '../../nodes/atlas/result-files.js';
import { MASK_FILE, PROVENANCE_FILE, warpAtlas } from '../../nodes/atlas/warp-atlas.js';
import { openAtlasDirectory, type AtlasDirectory } from '../atlas/atlas-directory.js';
import { cohortMembers } from '../atlas/cohort.js';
import { addReadSubjects } from '../atlas/read-cohort.js';
import { AtlasToPatientConfig } from './config.js';
import { fileBelow, findPatients, transformKind, type PatientConfig } from './patients.js';
import { modelMethod, modelOf, patientProblems } from './requirements.js';

/** Directory of the results below that of the patient. */
const DIRECTORY = 'atlas_to_patient';
/** Field of a registration. */
const FIELD_FILE = 'patient_field.nii.gz';

type Config = MergedConfig & PatientConfig;

/** The maps of an atlas in the space of every patient. */
@workflow({
  name: 'atlas_to_patient',
  summary: 'Brings the maps of an atlas, averaged or learned, to the grid of every patient',
  scope: 'participant',
  configNamespace: 'atlas_to_patient',
  configSchema: AtlasToPatientConfig,
  checksInput: true,
})
export class AtlasToPatient {
  verifyRequirements(config: Config, context: WorkflowContext): Promise<Problem[]> {
    return patientProblems(config, context);
  }

  buildWorkflow({ config, context }: { config: Config; context: WorkflowContext }): Workflow {
    const own = config.atlas_to_patient;
    const atlas = own.atlas_dir === null ? null : openAtlasDirectory(own.atlas_dir);
    if (atlas === null) throw new Error('buildWorkflow was called although the atlas is missing');
    const kind = transformKind(own);
    const names = [...atlas.maps.keys()];
    const root = context.inputDir;
    const wf = new Workflow('atlas_to_patient');
    const patients = wf.items(findPatients(config, context), { key: ({ id }) => id });
    const registered = kind === 'register' ? addRegistration(wf, atlas, config, context) : null;
    const warped = wf.map(warpAtlas, {
      patient: patients.select(({ id, reference, transforms }) => ({
        id,
        reference: fileBelow(root, reference),
        transforms: transforms.map((path) => fileBelow(root, path)),
      })),
      reference: patients.select(({ reference }) => inputFile(reference)),
      voxels: patients.select(({ reference, transforms }) =>
        pairVoxels([reference, ...transforms]).map(inputFile),
      ),
      names,
      maps: names.map((name) => inputFile(atlas.maps.get(name)!)),
      metadata: atlas.metadata === null ? null : inputFile(atlas.metadata),
      kind,
      transforms: patients.select(({ transforms }) => transforms.map((path) => inputFile(path))),
      field: registered?.out.field ?? null,
      template: registered?.out.template ?? null,
      emission: registered?.out.emission ?? null,
      warp: { interpolation: own.interpolation, modulate: own.modulate, mask_level: own.mask_level },
    });
    const place = (file: string) => (id: string) => `${id}/${DIRECTORY}/${file}`;
    for (const name of names) wf.publish(warped.out[name], place(mapFileName(name)));
    if (atlas.maps.has('prob_threshold')) wf.publish(warped.out.mask, place(MASK_FILE));
    wf.publish(warped.out.provenance, place(PROVENANCE_FILE));
    if (registered !== null) wf.publish(registered.out.field, place(FIELD_FILE));
    return wf;
  }

  async describeResults(results: ResultFiles): Promise<ReportSection | null> {
    return (await import('./report.js')).describeAtlasToPatient(results);
  }
}

/** Reads the patients' own tract volumes as the model was trained on them, and registers each. */
function addRegistration(wf: Workflow, atlas: AtlasDirectory, config: Config, context: WorkflowContext) {
  if (atlas.model === null) throw new Error('buildWorkflow was called although the model is missing');
  const { subject_pattern: pattern, tractography_relpath: relpath } = config.atlas;
  const { inputDir: root, participants } = context;
  const members = cohortMembers({ root, pattern, relpath, participants });
  const read = addReadSubjects(wf, { root, members }, modelMethod(modelOf(atlas.model)));
  const { instance_steps, fold_policy, device } = config.atlas_to_patient;
  return wf.map(
    registerPatient,
    {
      density: read.out.density,
      info: read.out.info,
      header: read.out.header,
      model: inputFile(atlas.model),
      registration: { instance_steps, fold_policy, device },
    },
    { resources: { gpus: claimsGpu(device) ? 1 : 0 } },
  );
}
