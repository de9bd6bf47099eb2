import { relative, sep } from 'node:path';

import type { Workflow } from '../../engine/builder.js';
import type { MappedNode } from '../../engine/handle.js';
import { inputFile } from '../../engine/port.js';
import { pairVoxels } from '../../io/index.js';
import { readSubject } from '../../nodes/atlas/read-subject.js';
import type { NormalizationMethod } from '../../numerics/registration/normalization.js';
import type { CohortMember } from './cohort.js';

/**
 * Adds one `read_subject` per member; both atlas workflows share it, so that their results are shared too.
 *
 * @param root - cohort directory; messages and metadata name files relative to it
 */
export function addReadSubjects(
  wf: Workflow,
  cohort: { readonly root: string; readonly members: readonly CohortMember[] },
  method: NormalizationMethod,
): MappedNode<(typeof readSubject)['outputs']> {
  const subjects = wf.items(cohort.members, { key: (member) => member.id });
  return wf.map(readSubject, {
    id: subjects.select((member) => member.id),
    file: subjects.select((member) => relative(cohort.root, member.volume).split(sep).join('/')),
    volume: subjects.select((member) => inputFile(member.volume)),
    voxels: subjects.select((member) => pairVoxels([member.volume]).map(inputFile)),
    waytotal: method === 'waytotal' ? subjects.select((member) => inputFile(member.waytotal)) : null,
    method,
  });
}
