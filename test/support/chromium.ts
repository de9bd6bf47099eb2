/// <reference lib="dom" />
/** Headless Chromium of the system. Without it, tests in a browser are skipped visibly. */
import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { chromium, type Browser } from 'playwright-core';

/** Null: not installed. */
export const CHROMIUM =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
    existsSync(path),
  ) ?? null;

/** With WebGL in software, which the viewers need. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: [
      '--no-sandbox',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--ignore-gpu-blocklist',
    ],
  });
}

/** What it takes to open a page, ms: until the end of its load event, and of that work of the thread that draws it. */
export interface Opening {
  readonly wallMs: number;
  /** Says the same on a machine that others use, too. */
  readonly cpuMs: number;
}

/** Opens a file in a page of its own. */
export async function opening(browser: Browser, path: string): Promise<Opening> {
  const page = await browser.newPage();
  try {
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.goto(pathToFileURL(path).href);
    const wallMs = await page.evaluate(() => {
      const [entry] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      return entry!.loadEventEnd - entry!.startTime;
    });
    const { metrics } = await session.send('Performance.getMetrics');
    const seconds = metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN;
    return { wallMs, cpuMs: 1000 * seconds };
  } finally {
    await page.close();
  }
}
