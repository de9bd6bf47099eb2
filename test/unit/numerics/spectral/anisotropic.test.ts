import { describe, expect, test } from 'vitest';

import {
  anisotropicOperator,
  anisotropicWavelets,
  cotangentOperator,
  faceDirections,
  operatorSpectrum,
  principalDirections,
  sparseMultiply,
} from '../../../../src/numerics.js';
import { torus } from '../../../../src/workflows/spectral-descriptors/sample-shapes.js';
import { icosphere, rotated } from '../../../support/analytic-meshes.js';
import { grid } from '../../../support/meshes.js';

const along = (count: number, x: number, y: number, z: number): Float64Array =>
  Float64Array.from({ length: 3 * count }, (_, at) => [x, y, z][at % 3]!);

describe('anisotropic operator', () => {
  test('a rectangle: eigenvalues (pi m / a)^2 / (1 + alpha) + (pi n / b)^2, and turned by a right angle', () => {
    const { vertices, faces } = grid(36, 30, 1.2, 1);
    const directions = along(faces.length / 3, 1, 0, 0);
    for (const [theta, forX, forY] of [
      [0, 1 / 3, 1],
      [Math.PI / 2, 1, 1 / 3],
    ] as const) {
      const exact: number[] = [];
      for (let m = 0; m < 8; m++) {
        for (let n = 0; n < 8; n++) {
          exact.push(forX * ((Math.PI * m) / 1.2) ** 2 + forY * (Math.PI * n) ** 2);
        }
      }
      exact.sort((a, b) => a - b);
      const pair = anisotropicOperator(vertices, faces, { directions, alpha: 2, theta });
      const { eigenvalues } = operatorSpectrum(pair, { k: 5, solver: 'typescript' });
      for (let i = 1; i < 5; i++) expect(eigenvalues[i]! / exact[i]!).toBeCloseTo(1, 2);
      expect(eigenvalues[0]).toBe(0);
    }
  });

  test('alpha 0 is the cotangent operator; rows sum to 0; sign and length of a direction do not matter', () => {
    const { vertices, faces } = torus(3, 1, 20, 10);
    const { directions } = faceDirections(principalDirections(vertices, faces), vertices, faces);
    const plain = cotangentOperator(vertices, faces, 'voronoi');
    const none = anisotropicOperator(vertices, faces, { directions, alpha: 0 }, 'voronoi');
    plain.stiffness.values.forEach((value, e) => expect(none.stiffness.values[e]).toBeCloseTo(value, 12));
    expect(none.mass).toEqual(plain.mass);
    const field = { directions, alpha: new Float64Array(faces.length / 3).fill(4), theta: 0.3 };
    const strong = anisotropicOperator(vertices, faces, field);
    const sums = sparseMultiply(strong.stiffness, new Float64Array(vertices.length / 3).fill(1));
    expect(Math.max(...sums.map(Math.abs))).toBeLessThan(1e-12);
    const other = anisotropicOperator(vertices, faces, {
      ...field,
      directions: directions.map((value) => -7 * value),
    });
    strong.stiffness.values.forEach((value, e) => expect(other.stiffness.values[e]).toBeCloseTo(value, 12));
  });

  test('without a direction diffusion has the mean in all directions; wrong fields are refused', () => {
    const { vertices, faces } = grid(4, 3, 1, 1);
    const count = faces.length / 3;
    const plain = cotangentOperator(vertices, faces).stiffness.values;
    const normal = anisotropicOperator(vertices, faces, { directions: along(count, 0, 0, 1), alpha: 3 });
    const marked = anisotropicOperator(vertices, faces, {
      directions: along(count, 1, 0, 0),
      alpha: 3,
      isotropic: new Uint8Array(count).fill(1),
    });
    plain.forEach((value, e) => {
      expect(normal.stiffness.values[e]).toBeCloseTo(0.625 * value, 13);
      expect(marked.stiffness.values[e]).toBeCloseTo(0.625 * value, 13);
    });
    expect(() => anisotropicOperator(vertices, faces, { directions: [1, 0, 0], alpha: 3 })).toThrow(
      `the field has 1, ${count}, ${count} rows for ${count} triangles`,
    );
    expect(() =>
      anisotropicOperator(vertices, faces, { directions: along(count, 1, 0, 0), alpha: -1 }),
    ).toThrow('alpha is -1: diffusivity would not be positive');
  });
});

describe('principal directions', () => {
  test('a torus: around the tube 1 / r, around the axis cos v / (R + r cos v)', () => {
    const [large, small] = [4, 1];
    const { vertices, faces } = torus(large, small, 120, 60);
    const { kappa1, kappa2, direction1, direction2, umbilic } = principalDirections(vertices, faces);
    expect(umbilic.some((mark) => mark === 1)).toBe(false);
    for (let i = 0; i < kappa1.length; i += 17) {
      const [x, y] = [vertices[3 * i]!, vertices[3 * i + 1]!];
      const ring = Math.hypot(x, y);
      expect(kappa1[i]).toBeCloseTo(1 / small, 1);
      expect(kappa2[i]).toBeCloseTo((ring - large) / small / ring, 1);
      const around = Math.abs(direction2[3 * i]! * (-y / ring) + direction2[3 * i + 1]! * (x / ring));
      expect(around).toBeGreaterThan(0.99);
      const crossed = [0, 1, 2].reduce((sum, e) => sum + direction1[3 * i + e]! * direction2[3 * i + e]!, 0);
      expect(Math.abs(crossed)).toBeLessThan(1e-12);
    }
  });

  test('the belt of a long ellipsoid bends most across its axis, however it is turned', () => {
    const sphere = icosphere(4);
    const vertices = sphere.vertices.map((value, at) => (at % 3 === 0 ? 3 * value : value));
    const axis = rotated(
      { vertices: Float64Array.of(1, 0, 0), faces: new Int32Array() },
      [0.4, 0.9, 2],
    ).vertices;
    const turned = rotated({ vertices, faces: sphere.faces }, [0.4, 0.9, 2]).vertices;
    const { direction1 } = principalDirections(turned, sphere.faces);
    let [sum, count] = [0, 0];
    for (let i = 0; i < vertices.length / 3; i++) {
      if (Math.abs(vertices[3 * i]!) > 0.5) continue;
      sum += Math.abs([0, 1, 2].reduce((total, e) => total + direction1[3 * i + e]! * axis[e]!, 0));
      count++;
    }
    expect(sum / count).toBeLessThan(0.05);
  });

  test('a sphere is umbilic everywhere, and an unused vertex NaN', () => {
    const { vertices, faces } = icosphere(3, 2);
    const { kappa1, kappa2, umbilic } = principalDirections([...vertices, 9, 9, 9], faces);
    const mean = kappa1.subarray(0, -1).reduce((a, b) => a + b, 0) / (kappa1.length - 1);
    expect(mean).toBeCloseTo(0.5, 1);
    expect(kappa1.at(-1)).toBeNaN();
    expect(kappa2.at(-1)).toBeNaN();
    expect(umbilic.at(-1)).toBe(0);
    const flat = grid(5, 5, 1, 1);
    expect(principalDirections(flat.vertices, flat.faces).umbilic.every((mark) => mark === 1)).toBe(true);
  });
});

describe('anisotropic wavelets', () => {
  const sphere = icosphere(1);
  // Without symmetry: on a plane of symmetry the directions of two curvatures may be equally good.
  const vertices = sphere.vertices.map(
    (value, at) => value * [2, 1.3, 1][at % 3]! * (1 + 0.1 * Math.sin(at - (at % 3))),
  );
  const options = { k: 12, angles: 3, solver: 'typescript' } as const;
  const plain = anisotropicWavelets(vertices, sphere.faces, options);

  test('shape, common scales, and no change under rotation', () => {
    expect(plain.values).toHaveLength((vertices.length / 3) * 3 * 5);
    expect([...plain.angles]).toEqual([0, Math.PI / 3, (2 * Math.PI) / 3]);
    const turned = rotated({ vertices, faces: sphere.faces }, [1, 0.2, 0.7]).vertices;
    const other = anisotropicWavelets(turned, sphere.faces, options);
    plain.values.forEach((value, at) => expect(other.values[at]! / value).toBeCloseTo(1, 6));
  });

  test('scale: values go with the inverse area; an unused vertex is NaN; alpha 0 gives equal angles', () => {
    const scaled = anisotropicWavelets(
      [...vertices.map((value) => 10 * value), 0, 0, 0],
      sphere.faces,
      options,
    );
    expect(scaled.scales[0]! / plain.scales[0]!).toBeCloseTo(100, 6);
    expect(scaled.values[7]! / plain.values[7]!).toBeCloseTo(0.01, 8);
    expect(scaled.values.at(-1)).toBeNaN();
    const none = anisotropicWavelets(vertices, sphere.faces, { ...options, alpha: 0 }).values;
    for (let s = 0; s < 5; s++) expect(none[5 + s]).toBeCloseTo(none[s]!, 9);
  });
});
