import { z } from 'zod';

import { ProcessingError, StorageError } from '../../errors.js';
import { defineNode } from '../../engine/node.js';
import { port } from '../../engine/port.js';
import { readSurface, writeAtomic, writeNpy } from '../../io/index.js';
import { diagnoseCloud, diagnoseMesh, type MeshDiagnosis } from '../../numerics/mesh/diagnosis.js';
import { repairMesh } from '../../numerics/mesh/repair.js';
import { MESH_REPAIRS, type MeshRepair } from '../../numerics/mesh/settings.js';
import { cloudThickness } from '../../numerics/spectral/point-cloud.js';
import { withoutPath } from './without-path.js';

/**
 * Reads, examines and on request mends a surface, or the points of one without triangles (then the faces are empty). One that
 * cannot be used is skipped with the reason.
 */
export const cleanSurface = defineNode({
  name: 'clean_surface',
  version: 3,
  inputs: { surface: port.file('any'), repair: port.value(z.array(z.enum(MESH_REPAIRS))) },
  outputs: {
    /** (n, 3) */
    vertices: port.file('npy'),
    /** (m, 3) */
    faces: port.file('npy'),
    /** Where each vertex of the file is now, -1 where it was dropped; absent: nothing moved. */
    vertex_map: port.optional(port.file('npy')),
    /** What was found and what was mended. */
    diagnosis: port.file('json'),
  },
  resources: { cpus: 1, memoryGb: 1 },
  async run({ surface, repair }, ctx) {
    try {
      const given = await readSurface(surface.path);
      const isCloud = given.faces.length === 0;
      const diagnose = isCloud ? diagnosisOfCloud : diagnoseMesh;
      const found = diagnose(given.vertices, given.faces);
      const fatal = found.findings.filter(({ severity }) => severity === 'error');
      if (fatal.length > 0) return ctx.skip(fatal.map(({ message }) => message).join('; '));
      // Two points at one place have no direction between them: in a cloud they are one.
      const repairs: readonly MeshRepair[] = isCloud ? ['merge_duplicate_vertices'] : repair;
      const mended = repairMesh(given.vertices, given.faces, repairs);
      const isChanged = mended.changes.length > 0;
      const diagnosis = isChanged ? diagnose(mended.vertices, mended.faces) : found;
      for (const { severity, message, cure } of diagnosis.findings) {
        if (severity === 'warning') ctx.log.warn(`${message}; ${cure}`);
      }
      const out = {
        vertices: ctx.outputFile('vertices.npy'),
        faces: ctx.outputFile('faces.npy'),
        diagnosis: ctx.outputFile('diagnosis.json'),
        ...(isChanged ? { vertex_map: ctx.outputFile('vertex_map.npy') } : {}),
      };
      await writeNpy(out.vertices, { shape: [mended.vertices.length / 3, 3], data: mended.vertices });
      await writeNpy(out.faces, { shape: [mended.faces.length / 3, 3], data: mended.faces });
      if (out.vertex_map !== undefined) {
        await writeNpy(out.vertex_map, { shape: [mended.vertexMap.length], data: mended.vertexMap });
      }
      const kind = isCloud ? 'point_cloud' : 'mesh';
      const report = { kind, diagnosis, before_repair: isChanged ? found : null, repairs: mended.changes };
      await writeAtomic(out.diagnosis, `${JSON.stringify(report, null, 2)}\n`);
      return out;
    } catch (error) {
      // What a person gave costs this surface; anything else is a failure of the node.
      const isUnreadable = error instanceof StorageError && surface.digest === 'unreadable';
      if (!(error instanceof ProcessingError || isUnreadable)) throw error;
      return ctx.skip(withoutPath(error.message, surface));
    }
  },
});

function diagnosisOfCloud(points: Float64Array): MeshDiagnosis {
  const isFinite = points.every((value) => Number.isFinite(value));
  return diagnoseCloud(points, isFinite ? cloudThickness(points) : null);
}
