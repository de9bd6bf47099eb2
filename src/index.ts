/** The public API of neuroloom. */
export * from './errors.js';
export { err, ok, unreachable, type Result } from './result.js';
export {
  port,
  inputFile,
  ExternalFile,
  type FileOf,
  type FilePort,
  type InputFile,
  type ListPort,
  type NumberCount,
  type NumbersRule,
  type OptionalPort,
  type Port,
  type Ports,
  type ValuePort,
} from './engine/port.js';
export {
  defineNode,
  DEFAULT_RESOURCES,
  Skip,
  type InputsOf,
  type NodeContainer,
  type NodeContext,
  type NodeDeclaration,
  type NodeDefinition,
  type NodeLog,
  type OutputsOf,
  type Resources,
  type ToolProbe,
} from './engine/node.js';
export {
  Workflow,
  type AddOptions,
  type MapOptions,
  type PublishOptions,
  type SubOptions,
} from './engine/builder.js';
export {
  type ExpandedFile,
  type ExpandItem,
  Handle,
  Items,
  Mapped,
  type AddedNode,
  type DroppedItem,
  type JoinOptions,
  type MappedNode,
  type Maybe,
  MaybeMapped,
} from './engine/handle.js';
export type { Adjacency } from './engine/adjacency.js';
export type { Binding, CompiledGraph, Instance, OpenExpansion, Publication } from './engine/graph.js';
export {
  defineSubworkflow,
  type MappedOutputs,
  type SubInputs,
  type SubOutputs,
  type Subworkflow,
} from './engine/subworkflow.js';
export { CohortDir } from './engine/cohort-dir.js';
export {
  defineWorkflow,
  getWorkflow,
  produces,
  registeredWorkflows,
  requires,
  workflow,
  type MergedConfig,
  type WorkflowBody,
  type WorkflowContext,
  type WorkflowDeclaration,
  type WorkflowDefinition,
} from './engine/registry.js';
export type {
  ReportBlock,
  ReportCell,
  ReportCitation,
  ReportColumn,
  ReportFact,
  ReportLines,
  ReportMap,
  ReportParticipant,
  ReportSection,
} from './engine/report-section.js';
export { ResultFiles, type ResultFile } from './engine/result-files.js';
export type { Problem } from './engine/requirements.js';
export { compareKeys } from './engine/labels.js';
export type {
  FailureClass,
  RunCounts,
  RunEvent,
  RunListener,
  RunReason,
  RunStatus,
} from './engine/events.js';
export {
  loadConfig,
  type Config,
  type ConfigProblem,
  type LoadConfigOptions,
  type LoadedConfig,
  type Namespaces,
  type Origin,
} from './config/index.js';
export { VERSION, VERSION_INFO } from './version.js';
export {
  ContainerManager,
  type ContainerManagerOptions,
  type ContainerResult,
  type ContainerRunOptions,
  type ContainerStatus,
} from './engine/containers/container-manager.js';
export { containerNode, type ContainerNodeDeclaration } from './engine/containers/container-node.js';
export { RUNTIMES, type Bind, type RuntimeName } from './engine/containers/runtime.js';
export { containerDirectory, DEFAULT_CONTAINERS, type ContainerSpec } from './engine/containers/spec.js';
export { commandNode, type CommandNodeDeclaration } from './engine/tools/command-node.js';
export {
  outputFile,
  type CommandInputs,
  type CommandPaths,
  type LineHook,
  type OutputFile,
} from './engine/tools/command-ports.js';
export {
  getLogger,
  setLogLevel,
  type Logger,
  type LoggerLevel,
  type LoggerOptions,
} from './engine/services/loggers.js';
export {
  NestedProgress,
  progressParallel,
  progressSimple,
  progressSpinner,
  type ProgressHandle,
} from './engine/services/progress.js';
export { jsonRenderer, lineRenderer, terminalRenderer, type TextSink } from './engine/services/renderers.js';
export {
  setServiceListener,
  type ServiceEvent,
  type ServiceListener,
} from './engine/services/service-events.js';
export type * from './public-types.js';
export type { NodeFailure } from './engine/failure.js';
export type { Plan, PlanAction, PlanEntry } from './engine/plan.js';
export type { PlanRequest, RunRequest, RunResult } from './engine/run.js';
export type { Remaining, RunningNode, RunView } from './engine/run-view.js';
export type { NodeReport, NodeState } from './engine/run-account.js';
export type { FailureMode } from './engine/scheduler.js';
export { STOP, StopController, type StopLevel, type StopSignal } from './engine/stop-signal.js';
/** The schema library of ports and configurations, so that a module of a user needs no copy of its own. */
export { z } from 'zod';
export { AtlasScheme } from './io/atlas/atlas-scheme.js';
export { GeometryFormat } from './io/geometry/geometry-format.js';
export type { BackendName } from './numerics/cpu/cpu-backend.js';
export { AnalysisObjective } from './numerics/descriptors/eligibility.js';
export { DescriptorType } from './numerics/descriptors/registry.js';
