/** Numerics without the engine. Importing this loads no tensor code; functions that need it load it when called. */
export { availableDevices, resolveDevice, type DeviceInfo } from './devices.js';
export { adjustedRSquared, fitError, pointwiseErrors, rSquared } from './fooof/metrics.js';
export { kneeFrequency } from './fooof/aperiodic.js';
export type { Candidate, CandidateOutcome, JudgedCandidate } from './fooof/candidates.js';
export { bandPeaks, type BandOptions } from './fooof/bands.js';
export type { FitFailure, FitStatus, FitTrace, FooofFit } from './fooof/fit-result.js';
export { fitSpectrum, SpectrumFitter } from './fooof/fit-spectrum.js';
export {
  flatRow,
  formatFooofJson,
  parseFooofJson,
  savedFit,
  savedModel,
  type SavedFit,
} from './fooof/fooof-json.js';
export { fitGroup, fitGroups, FooofGroup } from './fooof/group.js';
export type { FitKernels } from './fooof/fit-kernels.js';
export { FitOptions, FooofSettings } from './fooof/settings.js';
export { interpolateLineNoise } from './fooof/line-noise.js';
export { fitEvents, fitSpectrogram, type Bands, type TimeResolvedFits } from './fooof/time-resolved.js';
export { simulateSpectrum, type SimulatedSpectrum, type SimulateOptions } from './fooof/simulate.js';
export { dpss } from './signal/dpss.js';
export { PowerSpectrum } from './signal/power-spectrum.js';
export { resolveSpectrumSettings, SpectrumSettings } from './signal/settings.js';
export { symmetricWindow, WINDOW_NAMES } from './signal/windows.js';
export { seededRandom, type SeededRandom } from './random.js';
export { encodeModelFile, decodeModelFile, type AtlasModel } from './registration/model-file.js';
export {
  deltaOnTrueSupport,
  regressionToMeanControl,
  trueSupportMask,
  type DeltaOnTrueSupport,
  type DepartureOptions,
  type RegressionToMeanControl,
} from './registration/departure.js';
export {
  centroidScatter,
  massMatchedResidualFraction,
  occupancyEntropy,
  phase0GoNoGo,
  residualVarianceMap,
  type CentroidScatter,
  type CohortStack,
  type Phase0Options,
  type Phase0Result,
} from './registration/diagnostics.js';
export { emitSubject, emitTemplate, type EmittedSubject, type EmitOptions } from './registration/emit.js';
export {
  emitAtlasMean,
  emitAtlasSubject,
  emitTemplates,
  type EmittedAtlasSubject,
} from './registration/emit-mixture.js';
export {
  evaluateSubject,
  evaluationMedians,
  type EvaluateSubjectOptions,
  type SubjectEvaluation,
} from './registration/evaluate.js';
export { convertFieldSpace, type FieldSpace } from './registration/field-space.js';
export {
  countNegativeJacobians,
  jacobianDeterminant,
  jacobianMinAndFolds,
  type DisplacementField,
} from './registration/jacobian.js';
export {
  gradientSmoothness,
  learnedAtlasLoss,
  localNccLogLoss,
  presenceWeightedSoftDice,
  type DensityPair,
  type LossOptions,
  type LossValue,
  type ObjectiveInput,
  type ObjectiveValue,
  type VectorGrid,
} from './registration/loss-values.js';
export {
  densityDefect,
  normalizeDensity,
  NORMALIZATION_METHODS,
  type NormalizationMethod,
} from './registration/normalization.js';
export {
  DEFAULT_INT_STEPS,
  DEFAULT_LOG_OFFSET,
  LossSettings,
  ModelSettings,
  OptimizerSettings,
  type TrainingSettings,
} from './registration/settings.js';
export {
  ATLAS_STATISTIC_NAMES,
  AtlasAccumulator,
  computeAtlasStatistics,
  type AtlasStatisticName,
  type AtlasStatistics,
  type AtlasStatisticsOptions,
} from './registration/statistics.js';
export { trainAtlasModel, type TrainAtlasModelOptions } from './registration/train-atlas-model.js';
export { trainTemplate, type TrainedTemplate, type TrainTemplateOptions } from './registration/train.js';
export type { EpochEvent, EpochRecord } from './registration/training-loop.js';
export type { MapPair } from './similarity/map-pair.js';
export { SIMILARITY_METRICS, tractSimilarity, type TractSimilarity } from './similarity/tract-similarity.js';
export { adamFit, type AdamIteration, type GradientOptimizer } from './encoding/adam-fit.js';
export {
  EncodingModel,
  type ModelOptions,
  type SimulateOptions as SimulateVoxelsOptions,
} from './encoding/encoding-model.js';
export type { FitResult, FitStatus as VoxelFitStatus } from './encoding/fit-result.js';
export type { ParameterGrid } from './encoding/grid-fit.js';
export { HRFModel, SPMHRFModel, type SPMHRFOptions } from './encoding/hrf-model.js';
export { spmHrf, type SpmHrfOptions } from './encoding/hrf.js';
export type { ImageModelOptions, RfNorm } from './encoding/image-responses.js';
export {
  LinearModel,
  LinearModelWithBaseline,
  LinearModelWithBaselineHRF,
  type LinearHrfOptions,
} from './encoding/linear-models.js';
export {
  AlphaGaussianPRF,
  CompressiveSpatialSummationPRF2D,
  DifferenceOfGaussiansPRF2D,
  DifferenceOfGaussiansPRF2DWithHRF,
  DivisiveNormalizationGaussianPRF2D,
  GaussianMixturePRF2D,
  GaussianPointPRF2D,
  GaussianPRF,
  GaussianPRF2D,
  GaussianPRF2DAngle,
  GaussianPRF2DWithHRF,
  GaussianPRFWithHRF,
  LogGaussianPRF,
  VonMisesPRF,
} from './encoding/models.js';
export { cleanParadigm, type ImageStack, type Paradigm, type ParadigmInput } from './encoding/paradigm.js';
export { ParameterFitter, type ParameterFit, type ParameterFitOptions } from './encoding/parameter-fitter.js';
export { ResidualFitter, type ResidualFit, type ResidualFitOptions } from './encoding/residual-fitter.js';
export {
  StimulusFitter,
  type StimulusFit,
  type StimulusFitOptions,
  type StimulusFitterOptions,
} from './encoding/stimulus-fitter.js';
export {
  residualCovariance,
  residualLogLikelihood,
  stimulusLogLikelihood,
  stimulusPosterior,
  tuningSimilarity,
} from './encoding/residual-model.js';
export { parameterColumn, type ParameterInput, type ParameterTable } from './encoding/tables.js';
export { WeightFitter, type FittedWeights, type WeightFitterOptions } from './encoding/weight-fitter.js';
export { matrix, type Matrix } from './linalg/matrix.js';
export { anisotropicOperator, type DiffusionField } from './spectral/anisotropic-operator.js';
export {
  alignSpectrum,
  type AlignedSpectrum,
  type AlignmentOptions,
  type AlignmentShape,
} from './spectral/align-spectrum.js';
export {
  functionalMap,
  functionCoefficients,
  mapOfPoints,
  nearestOrthogonal,
  pointMap,
  shapeDifferences,
  zoomOut,
  type FunctionalMapOptions,
  type MappedShape,
  type ShapeDifferences,
  type ZoomOutOptions,
} from './spectral/functional-map.js';
export {
  derivativeEnergies,
  derivativeWaveSignature,
  type DerivativeEnergies,
} from './descriptors/derivative-wave-signature.js';
export {
  neighbourBiharmonicSignature,
  type NeighbourSignatureOptions,
} from './descriptors/neighbour-signature.js';
export { KdTree } from './mesh/kd-tree.js';
export { NotConvergedError, type PartialPairs } from './spectral/not-converged.js';
export {
  cloudLaplaceBeltrami,
  cloudOperator,
  cloudThickness,
  gaussianCloudOperator,
  type CloudOptions,
  type CloudSpectrum,
  type GaussianCloudOptions,
} from './spectral/point-cloud.js';
export { robustOperator, type RobustOperator } from './spectral/tufted-cover.js';
export { waveletTransform, type WaveletTransformOptions } from './spectral/chebyshev-wavelets.js';
export { operatorSpectrum } from './spectral/operator-spectrum.js';
export {
  anisotropicWavelets,
  type AnisotropicWaveletOptions,
  type AnisotropicWaveletResult,
} from './descriptors/anisotropic-wavelets.js';
export {
  faceDirections,
  principalDirections,
  type FaceDirections,
  type PrincipalDirections,
} from './mesh/principal-directions.js';
export type { SolverChoice } from './spectral/choose-kernels.js';
export {
  eigsh,
  type CountCertificate,
  type Eigenpairs,
  type EigshOptions,
  type SolutionQuality,
} from './spectral/eigsh.js';
export { intrinsicDelaunay, type IntrinsicDelaunay } from './spectral/intrinsic-delaunay.js';
export {
  laplaceBeltrami,
  meshOperator,
  type BoundaryKind,
  type LaplaceBeltramiOptions,
  type LaplaceBeltramiResult,
  type MeshOperator,
} from './spectral/laplace-beltrami.js';
export { cotangentOperator, type OperatorPair } from './spectral/mesh-operator.js';
export {
  ALIGNMENT_STARTS,
  DEGENERATE_RULES,
  OPERATOR_KINDS,
  type AlignmentStart,
  type MassKind,
  type DegenerateRule,
  type OperatorKind,
} from './spectral/settings.js';
export {
  diagonalMatrix,
  sparseFromTriplets,
  sparseMultiply,
  symmetricFromTriangle,
  type SparseMatrix,
  type Triplets,
} from './spectral/sparse-matrix.js';
export { meshCurvatures, angleDefects, type CurvatureArea, type Curvatures } from './mesh/curvature.js';
export {
  diagnoseCloud,
  diagnoseMesh,
  type MeshDiagnosis,
  type MeshFinding,
  type UnitGuess,
} from './mesh/diagnosis.js';
export { onOriginalVertices, repairMesh, type RepairedMesh } from './mesh/repair.js';
export { MESH_REPAIRS, SAFE_REPAIRS, type MeshRepair } from './mesh/settings.js';
export { HeatGeodesics, type HeatGeodesicOptions } from './mesh/heat-geodesic.js';
export {
  isosurface,
  labelSurface,
  taubinSmoothed,
  type LabelSurfaceOptions,
  type TriangleMesh,
} from './mesh/isosurface.js';
export { ExactGeodesics } from './mesh/exact-geodesic.js';
export { EdgeGeodesics } from './mesh/edge-geodesic.js';
export { meshGeometry, mixedVoronoiAreas, type MeshGeometry } from './mesh/geometry.js';
export {
  boundaryMask,
  boundaryVertices,
  eulerCharacteristic,
  meshComponents,
  meshTopology,
  type MeshTopology,
} from './mesh/topology.js';
export {
  curvedness,
  shapeIndex,
  willmoreEnergy,
  type WillmoreEnergy,
} from './descriptors/curvature-scalars.js';
export {
  descriptorConnectome,
  networkSummary,
  regionMeans,
  spectralConnectome,
  type NetworkSummary,
  type ProfileDistance,
  type RegionMatrix,
  type RegionMeans,
} from './descriptors/connectome.js';
export {
  groupNames,
  regionPiece,
  regionStatistics,
  type GroupRules,
  type SurfacePiece,
} from './descriptors/regions.js';
export { REGION_STATISTICS, type RegionStatistic } from './descriptors/region-settings.js';
export { SPECTRUM_METRICS, spectrumDistances, type SpectrumMetric } from './descriptors/distance-matrix.js';
export {
  normalisedSpectralDistance,
  spectralDistanceBound,
  type SpectralBoundOptions,
} from './descriptors/normalised-spectral-distance.js';
export { distanceScalars, type DistancesFrom, type DistanceScalars } from './descriptors/distance-scalars.js';
export { boxCounts, type BoxCounts } from './descriptors/fractal.js';
export {
  areaNormalised,
  biharmonicSignature,
  heatKernelSignature,
  heatTimes,
  logSpaced,
  scaleInvariantSignature,
  symmetricPolynomials,
  waveEnergies,
  waveKernelSignature,
  waveletScales,
  waveletSignature,
  wholeSpectrum,
  zeroModes,
  type HeatNormalisation,
  type Spectrum as EigenSpectrum,
  type WaveEnergies,
  type WaveletKernel,
} from './descriptors/signatures.js';
export {
  ballFractions,
  fibonacciSphere,
  shapeDiameter,
  type BallFractionOptions,
  type ShapeDiameterOptions,
} from './descriptors/solid.js';
export {
  globalPointSignature,
  pointSignatureHistogram,
  shapeDna,
  shapeDnaDistance,
  spectralDistances,
  spreadDistances,
  weightedSpectralDistance,
  type PointDistance,
  type ShapeDnaNormalisation,
  type SpectrumDistance,
} from './descriptors/spectral-distances.js';
export {
  CUBE_DIRECTIONS,
  eulerCurves,
  heightDiagrams,
  type EulerCurves,
  type HeightDiagram,
} from './descriptors/topological.js';
export { zernikeDescriptor, type ZernikeResult } from './descriptors/zernike.js';
export {
  bfmi,
  essBulk,
  essMean,
  essQuantile,
  essTail,
  mcseMean,
  mcseSd,
  mcseVariance,
  rHat,
  type Chains,
} from './bayes/diagnostics.js';
export { modelSource, type BayesianModel, type ModelSource, type ModelVariable } from './bayes/model.js';
export {
  createGroupDifference,
  groupDifferenceModel,
  type GroupDifferenceData,
} from './bayes/models/group-difference.js';
export {
  createHierarchicalRegression,
  hierarchicalRegressionModel,
  type HierarchicalRegressionData,
} from './bayes/models/hierarchical-regression.js';
export { createHorseshoe, horseshoeModel, type HorseshoeData } from './bayes/models/horseshoe.js';
export type { Predictor } from './bayes/models/standardised.js';
export { Posterior, type PosteriorRow, type SamplingRecord } from './bayes/posterior.js';
export {
  DEFAULT_SAMPLER_CONFIG,
  getBayesianSampler,
  NutpieSampler,
  NutsSampler,
  type BayesianSampler,
  type SampleOptions,
  type SamplerConfig,
} from './bayes/sampler.js';
export { tensorModel, type LogDensityOps, type TensorModelDeclaration } from './bayes/tensor-model.js';
export type { Expression, ExpressionOps, Operand } from '../tensor/expressions.js';
export { BayesianGroupSettings, SAMPLER_NAMES, type SamplerName } from './bayes/settings.js';
export {
  batchIterator,
  concatenate,
  type Batchable,
  type BatchOptions,
  type NumberArray,
  type ShapedArray,
} from './cpu/batch-iterator.js';
export { BACKEND_NAMES, CpuBackend, getBackend, type BackendName } from './cpu/cpu-backend.js';
export { gcCollect } from './cpu/gc-collect.js';
export {
  estimateArrayMemory,
  memoryGuard,
  ramStatus,
  type ArrayDtype,
  type MemoryGuard,
  type MemoryGuardOptions,
  type MemoryInfo,
} from './cpu/memory.js';
export {
  parallelBatch,
  ParallelError,
  parallelMap,
  workerFunction,
  type ParallelOptions,
  type ParallelProgress,
  type Settled,
  type WorkerFunction,
} from './cpu/parallel-map.js';
export { shrinkArray, type ShrunkArray } from './cpu/shrink-array.js';
export { alignToPrincipalAxes } from './descriptors/align.js';
export {
  commonRange,
  scalesOf,
  type DescriptorScales,
  type SpectrumRange,
} from './descriptors/cohort-scales.js';
export {
  describeSurface,
  isDescriptorOfOneSurface,
  rangeOf,
  type DescribeOptions,
  type DescriptorResult,
  type SurfaceToDescribe,
} from './descriptors/describe.js';
export { vertexFeatures, type Feature } from './descriptors/features.js';
export {
  DESCRIPTOR_IDS,
  DESCRIPTORS,
  DescriptorType,
  unitText,
  type DescriptorDomain,
  type DescriptorInfo,
  type DescriptorNeed,
  type Invariances,
} from './descriptors/registry.js';
export { DescriptorSettings } from './descriptors/settings.js';
export {
  ANALYSIS_OBJECTIVES,
  AnalysisObjective,
  ELIGIBILITY,
  exclusionReason,
  type EligibilityRegistry,
  type SurfaceTraits,
} from './descriptors/eligibility.js';
export { recommendDescriptor, type Recommendation, type RecommendOptions } from './descriptors/recommend.js';
export { surrogateSurfaces, type SurrogateSurface } from './descriptors/surrogates.js';
export {
  areaUnderCurve,
  crossValidated,
  type ClassifierOptions,
  type ClassifierResult,
} from './stats/ridge-classifier.js';
export { benjaminiHochberg } from './stats/false-discovery.js';
export { adjustedGroupTests, adjustedPermutationalAnova } from './stats/covariate-test.js';
export { groupTests, permutationalAnova, type DistanceTest, type FeatureTest } from './stats/group-test.js';
