#!/usr/bin/env python3
"""One iteration of a fit of round Gaussian receptive fields in torch: responses of all voxels over a moving bar, squared
residuals, gradients by x, y, size, amplitude and baseline. The peer of `bench/compute/card.mjs --case fields`.

    python3 bench/compute/peers/torch_field_sums.py --voxels 10000 --device cuda

Prints one JSON line.
"""
import argparse
import json
import statistics
import time

import torch

SIDE, FRAMES = 60, 150


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--voxels', type=int, default=10000)
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--reps', type=int, default=7)
    options = parser.parse_args()
    device = options.device
    axis = torch.linspace(-10, 10, SIDE)
    pixels = torch.cartesian_prod(axis, axis).to(device)
    column = torch.arange(SIDE * SIDE) // SIDE
    stimulus = ((column[:, None] - torch.arange(FRAMES)[None] % SIDE).abs() < 4).float().to(device)
    v = torch.arange(options.voxels, dtype=torch.float64)
    start = [8 * v.sin(), 8 * (1.7 * v).cos(), 0.5 + 2.5 * (v % 97) / 97,
             torch.full_like(v, 0.05), torch.full_like(v, 0.1)]
    parameters = [p.float().to(device).requires_grad_() for p in start]
    data = torch.sin(0.01 * torch.arange(options.voxels * FRAMES, dtype=torch.float64)).float()
    data = data.reshape(-1, FRAMES).to(device)

    def step():
        x, y, sd, amplitude, baseline = parameters
        u = (pixels[None, :, 0] - x[:, None]) / sd[:, None]
        w = (pixels[None, :, 1] - y[:, None]) / sd[:, None]
        response = torch.exp(-0.5 * (u * u + w * w)) @ stimulus
        ssq = (data - baseline[:, None] - amplitude[:, None] * response).square().sum()
        torch.autograd.grad(ssq, parameters)
        return float(ssq)

    ssq = step()
    wall = []
    for _ in range(options.reps):
        started = time.perf_counter()
        ssq = step()
        if device != 'cpu':
            torch.cuda.synchronize()
        wall.append(1000 * (time.perf_counter() - started))
    print(json.dumps({'name': 'torch_field_sums', 'voxels': options.voxels, 'device': device,
                      'wall_ms': round(statistics.median(wall), 3), 'best_ms': round(min(wall), 3),
                      'ssq': float(f'{ssq:.4g}'), 'torch': torch.__version__}))


main()
