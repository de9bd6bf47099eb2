export async function slowSquare(x, report) {
  await new Promise((resolve) => setTimeout(resolve, 10 * x));
  report(10 * x);
  return x * x;
}

export function refuseTwo(x) {
  if (x === 2) throw new Error('two is refused');
  return x;
}

export function endThread() {
  process.exit(7);
}

export function double({ shape, data }) {
  return { shape, data: data.map((x) => 2 * x) };
}
