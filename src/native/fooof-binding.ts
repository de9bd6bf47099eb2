/** Positional arguments as native/register_fooof.cc reads them. */
export interface FooofBinding {
  fooofFitPeaks(
    bins: number,
    peaks: number,
    frequencies: Float64Array,
    resolution: number,
    target: Float64Array,
    lower: Float64Array,
    upper: Float64Array,
    tolerance: number,
    maxEvaluations: number,
    x: Float64Array,
    result: Float64Array,
    base: number,
    ln: Float64Array | null,
    log10: Float64Array | null,
  ): void;
  fooofAddPeaks(
    bins: number,
    peaks: number,
    frequencies: Float64Array,
    resolution: number,
    x: Float64Array,
    sum: Float64Array,
  ): void;
  fooofFitKnee(
    bins: number,
    ln: Float64Array,
    values: Float64Array,
    tolerance: number,
    maxEvaluations: number,
    x: Float64Array,
  ): number;
  fooofSearch(
    bins: number,
    frequencies: Float64Array,
    resolution: number,
    step: number,
    narrowest: number,
    widest: number,
    minHeight: number,
    threshold: number,
    most: number,
    flat: Float64Array,
    found: Float64Array,
  ): number;
}
