export { IDENTITY4, inverse4, multiply4, type Matrix4 } from './matrix4.js';
export { pullMap, type PullOptions } from './pull-map.js';
export { voxelMap, type SpatialStep, type VoxelMap, type WorldField } from './spatial-map.js';
export { worldDisagreement, type WorldGrid } from './world-agreement.js';
