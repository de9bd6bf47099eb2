/** Positional arguments as native/register_encoding.cc reads them; the images first, then the request. */
export interface EncodingBinding {
  prfMoments(...values: PrfArguments): void;
  prfResponses(...values: PrfArguments): void;
  prfProducts(...values: PrfArguments): void;
  prfPeaks(...values: PrfArguments): void;
  prfFit(...values: PrfArguments): void;
}

export type PrfArguments = readonly (number | boolean | null | Float64Array | Int32Array)[];
