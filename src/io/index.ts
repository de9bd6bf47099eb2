export { writeAtomic } from './atomic-write.js';
export { renderChart, writeChart, type ChartSpec, type RenderedChart } from './chart.js';
export { compareIds, discoverSubjects, readWaytotal, type Subject, type SubjectPattern } from './cohort.js';
export {
  encodeGifti,
  parseGifti,
  readGifti,
  writeGifti,
  type GiftiArray,
  type GiftiContent,
  type GiftiCoordinateSystem,
  type GiftiImage,
  type GiftiLabel,
} from './gifti.js';
export { gzipDeterministic } from './gzip.js';
export { Hdf5File, type Hdf5Array, type Hdf5Attribute, type Hdf5Data } from './hdf5.js';
export { Hdf5Writer } from './hdf5-writer.js';
export { cToFortran, fortranToC, sizeOf, type NumericArray } from './layout.js';
export { affineDifference, affineDeterminant, voxelSizeOf, type Affine } from './nifti-affine.js';
export { parseNiftiHeader, readNiftiHeader, voxelBytes, type NiftiHeader } from './nifti-header.js';
export { pairVoxels } from './nifti-pair.js';
export { readNifti, type NiftiVolume } from './nifti-read.js';
export { encodeNifti, writeNifti, type NiftiContent } from './nifti-write.js';
export {
  encodeNpy,
  parseNpy,
  readNpy,
  readNpyHeader,
  readNpyRows,
  writeNpy,
  type NpyArray,
  type NpyHeader,
} from './npy.js';
export { countNpyNumbers } from './npy-numbers.js';
export { readError, systemCode, writeError } from './storage-error.js';
export { brainVisionParts, type BrainVisionParts } from './recordings/brainvision.js';
export {
  POSITION_ROLES,
  readPositions,
  type ChannelPositions,
  type PositionRole,
} from './recordings/positions.js';
export {
  readRecording,
  RECORDING_FORMATS,
  RECORDING_ROLES,
  type RecordingFormat,
  type RecordingRole,
} from './recordings/read.js';
export type {
  Recording,
  Samples,
  SeriesRecording,
  SeriesTrial,
  SpectraRecording,
} from './recordings/recording.js';
export {
  annotationValue,
  parseAnnotation,
  writeAnnotation,
  type Annotation,
  type AnnotationEntry,
} from './geometry/freesurfer-annot.js';
export { parseVertexLabel, writeVertexLabel, type VertexLabel } from './geometry/freesurfer-label.js';
export { parseFreesurferMorph, writeFreesurferMorph } from './geometry/freesurfer-morph.js';
export {
  encodeFreesurferSurface,
  parseFreesurferSurface,
  writeFreesurferSurface,
} from './geometry/freesurfer-surface.js';
export { detectGeometryFormat, GeometryFormat, geometryFormatName } from './geometry/geometry-format.js';
export { readLabelVolume, type LabelVolume } from './geometry/label-volume.js';
export { parseObj } from './geometry/obj.js';
export { parsePly } from './geometry/ply.js';
export { readSurface } from './geometry/read-surface.js';
export { parseStl } from './geometry/stl.js';
export type { Surface } from './geometry/surface.js';
export { parseVtk } from './geometry/vtk.js';
export { parseVtp } from './geometry/vtp.js';
export { parseMgh, readMgh, type MghVolume } from './mgh.js';
export { parseNpz, readNpz } from './npz.js';
export { formatTsv, parseTsv, readTable, readTsv, writeTsv, type TsvCell, type TsvTable } from './tsv.js';
export {
  ATLAS_NAMES,
  ATLAS_SCHEMES,
  AtlasScheme,
  atlasScheme,
  hemisphereOf,
  labelId,
  labelTable,
  networkInName,
  type AtlasSchemeInfo,
} from './atlas/atlas-scheme.js';
export {
  readLabelNames,
  readParcellation,
  type Parcellation,
  type ParcellationOptions,
  type ParcelRegion,
} from './atlas/parcellation.js';
