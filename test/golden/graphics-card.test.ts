import { onGraphicsCard } from '../support/graphics-card.js';

await onGraphicsCard([
  () => import('./tensor-ops.test.js'),
  () => import('./registration.test.js'),
  () => import('./encoding-device.test.js'),
  () => import('../unit/tensor/high-ranks.test.js'),
  () => import('../support/card-care.js'),
]);
