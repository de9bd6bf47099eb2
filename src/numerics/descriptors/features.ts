/** Numbers that stand for a descriptor in a table. */
export interface Feature {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** Columns of a signature that features are made of. */
const MOST_COLUMNS = 8;

/** Evenly spaced columns, the first and the last among them. */
export function chosenColumns(columns: number, most = MOST_COLUMNS): number[] {
  const count = Math.min(columns, most);
  return Array.from({ length: count }, (_, i) =>
    count === 1 ? 0 : Math.round((i * (columns - 1)) / (count - 1)),
  );
}

/**
 * Mean and standard deviation over the surface of every chosen column; of a single column also quantiles.
 *
 * @param values - (n, columns), row per vertex; NaN rows take no part
 * @param masses - (n), area of each vertex, which weighs it
 */
export function vertexFeatures(
  values: Float64Array,
  columns: readonly string[],
  units: readonly string[],
  masses: ArrayLike<number>,
): Feature[] {
  const count = columns.length;
  return chosenColumns(count).flatMap((column) => {
    const rows: { value: number; mass: number }[] = [];
    for (let i = 0; i < masses.length; i++) {
      const value = values[i * count + column]!;
      if (Number.isFinite(value) && masses[i]! > 0) rows.push({ value, mass: masses[i]! });
    }
    const total = rows.reduce((sum, { mass }) => sum + mass, 0);
    const mean = rows.reduce((sum, { value, mass }) => sum + mass * value, 0) / total;
    const variance = rows.reduce((sum, { value, mass }) => sum + mass * (value - mean) ** 2, 0) / total;
    const unit = units[column]!;
    const prefix = count === 1 ? '' : `${columns[column]}_`;
    const features: Feature[] = [
      { name: `${prefix}mean`, value: mean, unit },
      { name: `${prefix}sd`, value: Math.sqrt(variance), unit },
    ];
    if (count > 1) return features;
    rows.sort((a, b) => a.value - b.value);
    for (const [name, share] of [
      ['p05', 0.05],
      ['median', 0.5],
      ['p95', 0.95],
    ] as const) {
      features.push({ name, value: quantile(rows, share * total), unit });
    }
    return features;
  });
}

/** The value below which this much of the area lies. */
function quantile(sorted: ReadonlyArray<{ value: number; mass: number }>, target: number): number {
  let sum = 0;
  for (const { value, mass } of sorted) {
    sum += mass;
    if (sum >= target) return value;
  }
  return sorted.at(-1)?.value ?? NaN;
}
