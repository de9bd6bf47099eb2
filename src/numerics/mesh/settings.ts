/** Repairs of a mesh, in the order in which they are made. */
export const MESH_REPAIRS = [
  'merge_duplicate_vertices',
  'drop_degenerate_faces',
  'drop_duplicate_faces',
  'largest_component',
  'drop_unreferenced',
  'orient',
] as const;
/** A repair by name. */
export type MeshRepair = (typeof MESH_REPAIRS)[number];

/** Repairs that change no point of the surface. */
export const SAFE_REPAIRS: readonly MeshRepair[] = MESH_REPAIRS.filter(
  (repair) => repair !== 'largest_component',
);
