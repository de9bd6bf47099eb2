import {
  Adam,
  assign,
  concatChannels,
  dispose,
  inspect,
  type Parameter,
  parameter,
  read,
  scale,
  tensor,
  type Tensor,
  tidy,
  update,
  valueAndGradients,
} from '../../tensor/index.js';
import { SeededRandom, seededRandom } from '../random.js';
import { arraysByName, type NamedArray } from './array-file.js';
import type { TrainingState } from './checkpoint.js';
import { limitTemplateMass, projectTheta, totalMass } from './density-transform.js';
import { GradientGuard, type GuardState } from './gradient-guard.js';
import { gradientNorm } from './gradient-norm.js';
import { jacobianMinAndFolds } from './jacobian.js';
import { initialThetas, mostResponsible } from './mixture.js';
import { MixtureMeans } from './mixture-means.js';
import { exportThetas, importThetas, thetaParameters, weightedSum, weightedTerms } from './mixture-parts.js';
import { MixtureState } from './mixture-state.js';
import { recomputesFinest } from './memory-estimate.js';
import { initialWeights } from './network-layout.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity, toLogDensity } from './registration-pass.js';
import { logOffsetOf, resolveTemplateLearningRate } from './settings.js';
import type { TrainingData } from './training-data.js';
import type { StepReport, Training } from './training-loop.js';
import { predictVelocity } from './unet.js';

/**
 * Modes network and hybrid with several templates (spec/learned_atlas.md 3.1): one network registers every subject to
 * every template; what a template learns from a subject is weighted by its responsibility. The passes of the templates
 * go one after the other, so that memory does not grow with their number.
 */
export class MixtureNetworkTraining implements Training {
  readonly #data: TrainingData;
  readonly #thetas: Parameter[];
  readonly #weights: Parameter[];
  readonly #layout: readonly Omit<NamedArray, 'values'>[];
  readonly #networkAdam: Adam;
  readonly #templateAdam: Adam;
  readonly #guard = new GradientGuard();
  #shuffling: SeededRandom;
  #order: number[] = [];
  readonly #means: MixtureMeans;
  readonly #mixture: MixtureState;
  /** Sum of the density of every subject. */
  readonly #masses: readonly number[];

  constructor(data: TrainingData) {
    const { settings, volumes, shape } = data;
    const { n_templates: templates, mixture_sharpness: sharpness } = settings.model;
    this.#data = data;
    this.#means = new MixtureMeans(shape, volumes.length, templates);
    this.#masses = volumes.map(totalMass);
    this.#mixture = new MixtureState(volumes.length, templates, sharpness);
    const start = initialWeights(settings.model, seededRandom(settings.optimizer.seed, 'initialisation'));
    this.#layout = start.map(({ name, shape: sizes }) => ({ name, shape: sizes }));
    this.#thetas = thetaParameters(initialThetas(volumes, shape, templates, logOffsetOf(settings)), shape);
    this.#weights = start.map(({ values, shape: sizes }) => parameter(values as Float32Array, sizes));
    this.#networkAdam = new Adam({ lr: settings.optimizer.lr });
    this.#templateAdam = new Adam({ lr: resolveTemplateLearningRate(settings.optimizer) });
    this.#shuffling = seededRandom(settings.optimizer.seed, 'shuffling');
  }

  get stepsPerEpoch(): number {
    return Math.ceil(this.#data.volumes.length / this.#data.settings.optimizer.batch_size);
  }

  get learningRate(): number {
    return this.#data.settings.optimizer.lr;
  }

  startEpoch(): void {
    this.#order = this.#shuffling.permutation(this.#data.volumes.length);
  }

  step(index: number): StepReport {
    const { batch_size: size } = this.#data.settings.optimizer;
    const batch = this.#order.slice(index * size, (index + 1) * size);
    let report!: StepReport;
    tidy(() => {
      report = this.#descend(batch);
    });
    return report;
  }

  finishEpoch(): void {
    this.#limitMasses();
    this.#mixture.finishEpoch();
  }

  /** As with one template: each is held near the mean mass of the subjects, as far as it is responsible for them. */
  #limitMasses(): void {
    const { settings } = this.#data;
    const { template_mass_limit: limit } = settings.optimizer;
    if (limit === null) return;
    const { responsibilities } = this.#mixture.result();
    this.#thetas.forEach((theta, k) => {
      let [mass, weight] = [0, 0];
      responsibilities.forEach((row, i) => {
        mass += row[k]! * this.#masses[i]!;
        weight += row[k]!;
      });
      if (weight === 0) return;
      const meanMass = mass / weight;
      update(theta, (values) => limitTemplateMass(values, logOffsetOf(settings), { meanMass, limit }));
    });
  }

  /** One optimiser step along the mean gradient of the subjects of a batch. */
  #descend(batch: readonly number[]): StepReport {
    const { ids, unionSupport } = this.#data;
    const parts = batch.map((subject) => this.#subjectPass(subject));
    const gradients = weightedSum(
      parts.map((part) => part.gradients),
      parts.map(() => 1 / batch.length),
    );
    const gradNorm = gradientNorm(gradients);
    const factor = this.#guard.factorFor(gradNorm);
    const steps = factor === 1 ? gradients : gradients.map((gradient) => scale(gradient, factor));
    const templates = this.#thetas.length;
    this.#networkAdam.step(this.#weights, steps.slice(templates));
    this.#templateAdam.step(this.#thetas, steps.slice(0, templates));
    for (const theta of this.#thetas) update(theta, (values) => projectTheta(values, unionSupport));
    const equal = parts.map(() => 1 / parts.length);
    return {
      subjects: batch.map((subject) => ids[subject]!),
      loss: parts.reduce((sum, part) => sum + part.objective / parts.length, 0),
      terms: weightedTerms(
        parts.map((part) => part.terms),
        equal,
      ),
      gradNorm,
      jacMin: Math.min(...parts.map((part) => part.jacMin)),
    };
  }

  /** The objective of one subject; gradients of every log template, then of the weights. */
  #subjectPass(index: number) {
    const { shape, volumes } = this.#data;
    const subject = tensor(volumes[index]!, [1, ...shape, 1]);
    const passes = this.#thetas.map((theta, k) =>
      valueAndGradients(() => this.#objective(theta, k, subject), [theta, ...this.#weights]),
    );
    const { objective, responsibilities } = this.#mixture.rate(
      index,
      passes.map(({ value }) => value),
    );
    const best = mostResponsible(responsibilities);
    this.#means.accept(best, passes[best]!.outputs['meanDisplacement']);
    const ofThetas = passes.flatMap(({ gradients }, k) =>
      weightedSum([gradients.slice(0, 1)], [responsibilities[k]!]),
    );
    const ofWeights = weightedSum(
      passes.map(({ gradients }) => gradients.slice(1)),
      responsibilities,
    );
    return {
      objective,
      gradients: [...ofThetas, ...ofWeights],
      terms: weightedTerms(
        passes.map(({ terms }) => terms),
        responsibilities,
      ),
      jacMin: inspect(
        passes[best]!.outputs['displacement']!,
        (data) => jacobianMinAndFolds({ data, shape }).min,
      ),
    };
  }

  #objective(theta: Tensor, template: number, subject: Tensor) {
    const { settings } = this.#data;
    const logOffset = logOffsetOf(settings);
    const input = concatChannels([theta, toLogDensity(subject, logOffset)]);
    const velocity = predictVelocity(settings.model, this.#weights, input, recomputesFinest(this.#data));
    const running = settings.loss.mean_deformation_weight > 0 ? this.#means.running(template) : null;
    return registrationPass(toDensity(theta, logOffset), subject, velocity, settings, running);
  }

  exportModel(): NamedArray[] {
    return [
      ...exportThetas(this.#thetas, this.#data.shape),
      ...this.#layout.map(({ name, shape }, index) => ({
        name: `weight/${name}`,
        shape,
        values: read(this.#weights[index]!),
      })),
      ...this.#mixture.exportArrays(),
    ];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    importThetas(this.#thetas, named);
    this.#layout.forEach(({ name }, index) =>
      assign(this.#weights[index]!, floatArray(named, `weight/${name}`)),
    );
    this.#mixture.importArrays(named);
  }

  exportState(): TrainingState {
    const network = exportAdam('adam_network', this.#networkAdam);
    const template = exportAdam('adam_template', this.#templateAdam);
    const means = this.#means.exportState();
    return {
      scalars: {
        mean_steps: means.steps,
        guard: this.#guard.exportState(),
        order: this.#order,
        shuffling: this.#shuffling.state(),
        adam_network: network.step,
        adam_template: template.step,
      },
      arrays: [...this.exportModel(), ...network.arrays, ...template.arrays, ...means.arrays],
    };
  }

  importState({ scalars, arrays }: TrainingState): void {
    const stored = scalars as {
      mean_steps: number[];
      guard: GuardState;
      order: number[];
      shuffling: number[];
      adam_network: number;
      adam_template: number;
    };
    const named = arraysByName(arrays);
    this.importModel(arrays);
    importAdam('adam_network', this.#networkAdam, stored.adam_network, this.#weights.length, named);
    importAdam('adam_template', this.#templateAdam, stored.adam_template, this.#thetas.length, named);
    this.#order = [...stored.order];
    this.#shuffling = SeededRandom.fromState(stored.shuffling);
    this.#means.importState(stored.mean_steps, named);
    this.#guard.importState(stored.guard);
  }

  dispose(): void {
    dispose([...this.#thetas, ...this.#weights]);
    this.#means.dispose();
  }
}
