import {
  Adam,
  assign,
  dispose,
  inspect,
  type Parameter,
  parameter,
  read,
  tensor,
  type Tensor,
  tidy,
  update,
  valueAndGradients,
} from '../../tensor/index.js';
import { arraysByName, type NamedArray } from './array-file.js';
import type { TrainingState } from './checkpoint.js';
import { projectTheta } from './density-transform.js';
import { gradientNorm } from './gradient-norm.js';
import { type Shape3, velocityShapeOf, voxelCount } from './grid.js';
import { jacobianMinAndFolds } from './jacobian.js';
import { initialThetas, mostResponsible } from './mixture.js';
import { MixtureMeans } from './mixture-means.js';
import { velocityName } from './mixture-names.js';
import { exportThetas, importThetas, thetaParameters, weightedTerms } from './mixture-parts.js';
import { MixtureState } from './mixture-state.js';
import { exportAdam, floatArray, importAdam } from './optimiser-state.js';
import { registrationPass, toDensity } from './registration-pass.js';
import { logOffsetOf } from './settings.js';
import type { TrainingData } from './training-data.js';
import type { StepReport, Training } from './training-loop.js';

/**
 * Mode direct with several templates (spec/learned_atlas.md 3.1): one velocity per subject and template. Velocities of
 * a template are centred over the subjects that it explains best.
 */
export class MixtureDirectTraining implements Training {
  readonly #data: TrainingData;
  readonly #velocityShape: Shape3;
  readonly #thetas: Parameter[];
  /** One row per subject, one entry per template. */
  readonly #velocities: Parameter[][];
  readonly #velocityAdams: Adam[][];
  readonly #templateAdam: Adam;
  /** Per template the sum over the subjects of this round of its weighted gradient. */
  readonly #thetaGradients: Float32Array[];
  #rounds = 0;
  readonly #means: MixtureMeans;
  readonly #mixture: MixtureState;

  constructor(data: TrainingData) {
    const { settings, volumes, shape } = data;
    const { direct_lr: lr, direct_template_lr: templateLr } = settings.optimizer;
    const { n_templates: templates, mixture_sharpness: sharpness, flow_resolution: flow } = settings.model;
    this.#data = data;
    this.#means = new MixtureMeans(shape, volumes.length, templates);
    this.#mixture = new MixtureState(volumes.length, templates, sharpness);
    this.#velocityShape = velocityShapeOf(shape, flow);
    this.#thetas = thetaParameters(initialThetas(volumes, shape, templates, logOffsetOf(settings)), shape);
    const atRest = new Float32Array(3 * voxelCount(this.#velocityShape));
    const grid = [1, ...this.#velocityShape, 3];
    this.#velocities = volumes.map(() => this.#thetas.map(() => parameter(atRest, grid)));
    this.#velocityAdams = volumes.map(() => this.#thetas.map(() => new Adam({ lr })));
    this.#templateAdam = new Adam({ lr: templateLr });
    this.#thetaGradients = this.#thetas.map(() => new Float32Array(voxelCount(shape)));
  }

  get stepsPerEpoch(): number {
    return this.#data.volumes.length;
  }

  get learningRate(): number {
    return this.#data.settings.optimizer.direct_lr;
  }

  get #templateMoves(): boolean {
    return this.#rounds >= this.#data.settings.optimizer.direct_velocity_rounds;
  }

  startEpoch(): void {
    for (const gradient of this.#thetaGradients) gradient.fill(0);
  }

  step(index: number): StepReport {
    let report!: StepReport;
    tidy(() => {
      report = this.#descend(index);
    });
    return report;
  }

  #descend(index: number): StepReport {
    const { ids, volumes, shape } = this.#data;
    const subject = tensor(volumes[index]!, [1, ...shape, 1]);
    const velocities = this.#velocities[index]!;
    const passes = velocities.map((velocity, k) => {
      const theta = this.#thetas[k]!;
      const xs = this.#templateMoves ? [velocity, theta] : [velocity];
      return valueAndGradients(() => this.#objective(k, subject, velocity), xs);
    });
    const { objective, responsibilities } = this.#mixture.rate(
      index,
      passes.map(({ value }) => value),
    );
    const best = mostResponsible(responsibilities);
    // A velocity belongs to one template, so its step does not depend on the scale of its gradient: it is not weighted,
    // and a template that is not responsible yet still shows how well it could fit.
    passes.forEach(({ gradients }, k) => {
      this.#velocityAdams[index]![k]!.step([velocities[k]!], gradients.slice(0, 1));
      if (gradients[1] !== undefined) this.#addThetaGradient(k, read(gradients[1]), responsibilities[k]!);
    });
    const { gradients, outputs } = passes[best]!;
    this.#means.accept(best, outputs['meanDisplacement']);
    const { min: jacMin } = inspect(outputs['displacement']!, (data) => jacobianMinAndFolds({ data, shape }));
    const terms = weightedTerms(
      passes.map((pass) => pass.terms),
      responsibilities,
    );
    const gradNorm = gradientNorm(gradients.slice(0, 1));
    return { subjects: [ids[index]!], loss: objective, terms, gradNorm, jacMin };
  }

  #objective(template: number, subject: Tensor, velocity: Tensor) {
    const { settings } = this.#data;
    const density = toDensity(this.#thetas[template]!, logOffsetOf(settings));
    const running = settings.loss.mean_deformation_weight > 0 ? this.#means.running(template) : null;
    return registrationPass(density, subject, velocity, settings, running);
  }

  /** Template steps, projection, then the velocities of each template are centred; last the shares. */
  finishEpoch(): void {
    const { volumes, shape, unionSupport } = this.#data;
    if (this.#templateMoves) {
      tidy(() => {
        const means = this.#thetaGradients.map((sum) =>
          tensor(
            sum.map((value) => value / volumes.length),
            [1, ...shape, 1],
          ),
        );
        this.#templateAdam.step(this.#thetas, means);
      });
    }
    for (const theta of this.#thetas) update(theta, (values) => projectTheta(values, unionSupport));
    this.#centreVelocities();
    this.#rounds += 1;
    this.#mixture.finishEpoch();
  }

  #centreVelocities(): void {
    const belongs = this.#mixture.result().responsibilities.map(mostResponsible);
    this.#thetas.forEach((_theta, k) => {
      const members = this.#velocities.filter((_row, i) => belongs[i] === k).map((row) => row[k]!);
      const sums = new Float64Array(3 * voxelCount(this.#velocityShape));
      for (const velocity of members) {
        const values = read(velocity);
        for (let at = 0; at < sums.length; at++) sums[at] = sums[at]! + values[at]!;
      }
      for (const velocity of members) {
        update(velocity, (values) => {
          for (let at = 0; at < sums.length; at++) values[at] = values[at]! - sums[at]! / members.length;
        });
      }
    });
  }

  #addThetaGradient(template: number, gradient: Float32Array, weight: number): void {
    const sum = this.#thetaGradients[template]!;
    for (let at = 0; at < sum.length; at++) sum[at] = sum[at]! + weight * gradient[at]!;
  }

  exportModel(): NamedArray[] {
    return [
      ...exportThetas(this.#thetas, this.#data.shape),
      ...this.#velocities.flatMap((row, index) =>
        row.map((velocity, k) => ({
          name: velocityName(index, k),
          shape: [...this.#velocityShape, 3],
          values: read(velocity),
        })),
      ),
      ...this.#mixture.exportArrays(),
    ];
  }

  importModel(arrays: readonly NamedArray[]): void {
    const named = arraysByName(arrays);
    importThetas(this.#thetas, named);
    this.#velocities.forEach((row, index) =>
      row.forEach((velocity, k) => assign(velocity, floatArray(named, velocityName(index, k)))),
    );
    this.#mixture.importArrays(named);
  }

  exportState(): TrainingState {
    const template = exportAdam('adam_template', this.#templateAdam);
    const velocities = this.#velocityAdams.map((row, index) =>
      row.map((adam, k) => exportAdam(`adam_velocity.${index}.${k}`, adam)),
    );
    const means = this.#means.exportState();
    const gradients = this.#thetaGradients.map((values, k) => ({
      name: `theta_gradient.${k}`,
      shape: this.#data.shape,
      values: values.slice(),
    }));
    return {
      scalars: {
        mean_steps: means.steps,
        rounds: this.#rounds,
        adam_template: template.step,
        adam_velocity: velocities.map((row) => row.map((state) => state.step)),
      },
      arrays: [
        ...this.exportModel(),
        ...template.arrays,
        ...velocities.flatMap((row) => row.flatMap((state) => state.arrays)),
        ...means.arrays,
        ...gradients,
      ],
    };
  }

  importState({ scalars, arrays }: TrainingState): void {
    const stored = scalars as {
      mean_steps: number[];
      rounds: number;
      adam_template: number;
      adam_velocity: number[][];
    };
    const named = arraysByName(arrays);
    this.importModel(arrays);
    importAdam('adam_template', this.#templateAdam, stored.adam_template, this.#thetas.length, named);
    this.#velocityAdams.forEach((row, index) =>
      row.forEach((adam, k) =>
        importAdam(`adam_velocity.${index}.${k}`, adam, stored.adam_velocity[index]![k]!, 1, named),
      ),
    );
    this.#thetaGradients.forEach((values, k) => values.set(floatArray(named, `theta_gradient.${k}`)));
    this.#rounds = stored.rounds;
    this.#means.importState(stored.mean_steps, named);
  }

  dispose(): void {
    dispose([...this.#thetas, ...this.#velocities.flat()]);
    this.#means.dispose();
  }
}
