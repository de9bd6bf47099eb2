/** Positional arguments as native/register_registration.cc reads them; sizes first. */
export interface RegistrationBinding {
  warpForward(
    n: number,
    x: number,
    y: number,
    z: number,
    c: number,
    border: boolean,
    volume: Float32Array,
    displacement: Float32Array,
    out: Float32Array,
  ): void;
  warpBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    c: number,
    border: boolean,
    volume: Float32Array,
    displacement: Float32Array,
    dOut: Float32Array,
    dVolume: Float32Array | null,
    dDisplacement: Float32Array | null,
  ): void;
  integrateForward(
    n: number,
    x: number,
    y: number,
    z: number,
    steps: number,
    velocity: Float32Array,
    out: Float32Array,
    stages: Float32Array | null,
  ): void;
  integrateBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    steps: number,
    stages: Float32Array,
    dOut: Float32Array,
    dVelocity: Float32Array,
  ): void;
  upsampleFieldForward(
    n: number,
    x: number,
    y: number,
    z: number,
    u: Float32Array,
    out: Float32Array,
  ): void;
  upsampleFieldBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    dOut: Float32Array,
    du: Float32Array,
  ): void;
  smoothnessForward(n: number, x: number, y: number, z: number, c: number, v: Float32Array): number;
  smoothnessBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    c: number,
    v: Float32Array,
    scale: number,
    dv: Float32Array,
  ): void;
  jacobianHingeForward(
    n: number,
    x: number,
    y: number,
    z: number,
    u: Float32Array,
    margin: number,
  ): number;
  jacobianHingeBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    u: Float32Array,
    margin: number,
    scale: number,
    du: Float32Array,
  ): void;
  nccForward(
    n: number,
    x: number,
    y: number,
    z: number,
    window: number,
    eps: number,
    activeOnly: boolean,
    i: Float32Array,
    j: Float32Array,
    arrays: number,
    saved: Float32Array | null,
  ): [sum: number, active: number];
  nccBackward(
    n: number,
    x: number,
    y: number,
    z: number,
    window: number,
    eps: number,
    activeOnly: boolean,
    i: Float32Array,
    j: Float32Array,
    arrays: number,
    saved: Float32Array,
    factor: number,
    di: Float32Array | null,
    dj: Float32Array | null,
  ): void;
}
