/**
 * Which site to speak to: a race in which the current one has a head start.
 *
 * The current site is asked first. When it is silent for `hedgeMs`, or fails, the others are asked beside it. It keeps the client if it
 * answers within `patienceMs`; after that, or once it has failed, whichever answers first wins. So a network that is
 * slow to everywhere moves nobody, and a site that is silent alone is left as soon as `patienceMs` have passed.
 */

/** Whether a site answers and takes clients. It may take for ever, and is aborted when the race is over. */
export type Ask = (site: string, signal: AbortSignal) => Promise<boolean>;

export interface Patience {
  hedgeMs: number;
  patienceMs: number;
  totalMs: number; // then nobody has answered
}

export const PATIENCE: Patience = { hedgeMs: 250, patienceMs: 600, totalMs: 5_000 };

/** The winner; null if nobody answers. `doubted` is called once when the current site has lost its head start. */
export function race(
  current: string,
  others: readonly string[],
  ask: Ask,
  { hedgeMs, patienceMs, totalMs }: Patience = PATIENCE,
  doubted: () => void = () => undefined,
): Promise<string | null> {
  const over = new AbortController();
  return new Promise((resolve) => {
    const timers: ReturnType<typeof setTimeout>[] = [];
    let asked = 1;
    let failed = 0;
    let rival: string | null = null;
    let isDoubtful = false;

    const end = (winner: string | null) => {
      timers.forEach(clearTimeout);
      over.abort();
      resolve(winner);
    };
    const run = (site: string, answered: (isWell: boolean) => void) => {
      const fail = () => {
        failed += 1;
        answered(false);
      };
      ask(site, over.signal).then((isWell) => (isWell ? answered(true) : fail()), fail);
    };
    const nobodyIsLeft = () => asked === others.length + 1 && failed === asked;
    const doubt = () => {
      if (isDoubtful) return;
      isDoubtful = true;
      doubted();
      if (rival) end(rival);
    };
    const hedge = () => {
      if (asked > 1) return;
      asked += others.length;
      for (const other of others) {
        run(other, (isWell) => {
          if (isWell && isDoubtful) end(other);
          else if (isWell) rival ??= other;
          else if (nobodyIsLeft()) end(null);
        });
      }
    };

    run(current, (isWell) => {
      if (isWell) return end(current);
      hedge();
      doubt();
      if (nobodyIsLeft()) end(null);
    });
    timers.push(setTimeout(hedge, hedgeMs), setTimeout(doubt, patienceMs), setTimeout(() => end(null), totalMs));
  });
}
