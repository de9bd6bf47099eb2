#!/usr/bin/env python3
"""One training step of the learned atlas in torch, with every loss term of the workflow: the peer of
`bench/compute/run.mjs --case atlas`, and with --device cuda of `bench/compute/card.mjs --case atlas`. Network and image are those of the reference script torch_learned_atlas.py;
density, Jacobian and mean-deformation terms are added here.

    OMP_NUM_THREADS=1 /usr/bin/python3 bench/compute/peers/torch_atlas_step.py --size 64 --flow half --threads 1

Prints one JSON line. Peak memory is that of the process: run each size in its own.
"""
import argparse
import json
import math
import resource
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

ENCODER = [16, 32, 32, 32]
DECODER = [32, 32, 32, 32, 32, 16, 16]
SQUARINGS = 7
WINDOW = 9
LOG_OFFSET = 1e-3
JACOBIAN_MARGIN = 0.1
COHORT = 2


class Network(nn.Module):
    def __init__(self, half):
        super().__init__()
        self.half = half
        levels = len(ENCODER)
        channels = 2
        self.down, self.up, self.tail = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for features in ENCODER:
            self.down.append(nn.Conv3d(channels, features, 3, padding=1))
            channels = features
        for level in range(levels):
            self.up.append(nn.Conv3d(channels, DECODER[level], 3, padding=1))
            channels = DECODER[level] + (ENCODER[levels - 1 - level] if self.joins(level) else 0)
        for features in DECODER[levels:]:
            self.tail.append(nn.Conv3d(channels, features, 3, padding=1))
            channels = features
        self.flow = nn.Conv3d(channels, 3, 3, padding=1)
        nn.init.normal_(self.flow.weight, 0, 1e-5)
        nn.init.zeros_(self.flow.bias)

    def joins(self, level):
        return not self.half or level < len(ENCODER) - 1

    def forward(self, x):
        skips = []
        for convolution in self.down:
            x = F.leaky_relu(convolution(x), 0.2)
            skips.append(x)
            x = F.max_pool3d(x, 2)
        for level, convolution in enumerate(self.up):
            x = F.leaky_relu(convolution(x), 0.2)
            if self.joins(level):
                x = torch.cat([F.interpolate(x, scale_factor=2), skips[-1 - level]], 1)
        for convolution in self.tail:
            x = F.leaky_relu(convolution(x), 0.2)
        return self.flow(x)


_grids = {}


def sample(volume, displacement, padding):
    """volume(p + displacement(p)), trilinear."""
    sizes = tuple(volume.shape[2:])
    if sizes not in _grids:
        axes = [torch.arange(n, dtype=torch.float32, device=volume.device) for n in sizes]
        _grids[sizes] = torch.stack(torch.meshgrid(*axes, indexing='ij'))[None]
    position = _grids[sizes] + displacement
    normalised = torch.stack([2 * position[:, k] / (sizes[k] - 1) - 1 for k in (2, 1, 0)], -1)
    return F.grid_sample(volume, normalised, padding_mode=padding, align_corners=True)


def log_density(x):
    return torch.log1p(x / LOG_OFFSET) / math.log1p(1 / LOG_OFFSET)


def box_mean(x):
    for axis in range(3):
        size, padding = [1, 1, 1], [0, 0, 0]
        size[axis], padding[axis] = WINDOW, WINDOW // 2
        x = F.avg_pool3d(x, size, 1, padding)
    return x


def similarity(i, j):
    mean_i, mean_j = box_mean(i), box_mean(j)
    var_i = box_mean(i * i) - mean_i * mean_i
    var_j = box_mean(j * j) - mean_j * mean_j
    cov = box_mean(i * j) - mean_i * mean_j
    active = (var_i > 1e-5).float()
    cc = (cov * cov / (var_i.clamp_min(1e-5) * var_j.clamp_min(1e-5))).clamp(0, 1)
    return 1 - (cc * active).sum() / active.sum().clamp_min(1)


def presence(a, b, subject):
    weight = torch.where(subject > 0, torch.ones_like(subject), torch.full_like(subject, 0.25))
    return 1 - (2 * (weight * a * b).sum() + 1e-6) / ((weight * a * a).sum() + (weight * b * b).sum() + 1e-6)


def density(warped, subject):
    return (warped - subject).abs().sum() / (subject.sum() + 1e-6)


def smoothness(velocity):
    return sum((velocity.diff(dim=axis) ** 2).mean() for axis in (2, 3, 4)) / 3


def jacobian(u):
    """Sum of squared shortfalls of the determinant below the margin."""
    here = u[:, :, :-1, :-1, :-1]
    along = [u[:, :, 1:, :-1, :-1] - here, u[:, :, :-1, 1:, :-1] - here, u[:, :, :-1, :-1, 1:] - here]
    J = [[along[axis][:, c] + (1 if axis == c else 0) for axis in range(3)] for c in range(3)]
    det = (J[0][0] * (J[1][1] * J[2][2] - J[1][2] * J[2][1])
           - J[0][1] * (J[1][0] * J[2][2] - J[1][2] * J[2][0])
           + J[0][2] * (J[1][0] * J[2][1] - J[1][1] * J[2][0]))
    return (JACOBIAN_MARGIN - det).clamp_min(0).square().sum()


class Training:
    def __init__(self, size, flow, device):
        axis = torch.linspace(-1, 1, size)
        radius = axis[:, None, None] ** 2 / 0.05 + axis[None, :, None] ** 2 / 0.2 + axis[None, None, :] ** 2 / 0.1
        first = torch.exp(-radius)
        first[first < 0.02] = 0
        self.subjects = [v[None, None].to(device) for v in (first, torch.roll(first, 2, 0))]
        self.half = flow == 'half'
        self.network = Network(self.half).to(device)
        self.theta = nn.Parameter(log_density((self.subjects[0] + self.subjects[1]) / 2))
        self.adam = torch.optim.Adam([
            {'params': self.network.parameters(), 'lr': 1e-3},
            {'params': [self.theta], 'lr': 5e-3},
        ])
        self.mean = None
        self.steps = 0

    def step(self):
        subject = self.subjects[self.steps % COHORT]
        self.steps += 1
        template = LOG_OFFSET * torch.expm1(self.theta * math.log1p(1 / LOG_OFFSET))
        velocity = self.network(torch.cat([self.theta, log_density(subject)], 1))
        u = velocity / 2 ** SQUARINGS
        for _ in range(SQUARINGS):
            u = u + sample(u, u, 'border')
        if self.half:
            u = 2 * F.interpolate(u, scale_factor=2, mode='trilinear', align_corners=False)
        warped = sample(template, u, 'zeros')
        mean = u if self.mean is None else self.mean + (u - self.mean) / min(self.steps, COHORT)
        a, b = log_density(warped), log_density(subject)
        loss = (similarity(b, a) + presence(a, b, subject) + 0.5 * density(warped, subject)
                + smoothness(velocity) + jacobian(u) + 0.1 * mean.square().mean())
        self.adam.zero_grad()
        loss.backward()
        self.adam.step()
        self.mean = mean.detach()
        with torch.no_grad():
            self.theta.clamp_(min=0)
        return float(loss)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--size', type=int, default=64)
    parser.add_argument('--flow', choices=['half', 'full'], default='half')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--reps', type=int, default=3)
    parser.add_argument('--device', default='cpu')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    training = Training(options.size, options.flow, options.device)
    losses = [training.step()]
    wall, cpu = [], []
    for _ in range(options.reps):
        started, busy = time.perf_counter(), time.process_time()
        losses.append(training.step())
        wall.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.process_time() - busy))
    print(json.dumps({
        'name': 'atlas_step', 'size': options.size, 'flow': options.flow, 'threads': options.threads,
        'device': options.device,
        'wall_ms': round(statistics.median(wall), 1), 'cpu_ms': round(statistics.median(cpu), 1),
        'peak_rss_mb': round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        'losses': [round(loss, 6) for loss in losses[:3]], 'torch': torch.__version__,
    }))


main()
