/** Loaded before a command: sets its clock back or forward by TEST_CLOCK_MS, TEST_CLOCK_AFTER_MS after its start. */
const shiftMs = Number(process.env.TEST_CLOCK_MS);
const afterMs = Number(process.env.TEST_CLOCK_AFTER_MS ?? 0);
const RealDate = Date;
const now = () => RealDate.now() + (performance.now() >= afterMs ? shiftMs : 0);

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(now());
    else super(...parts);
  }

  static now() {
    return now();
  }
};
