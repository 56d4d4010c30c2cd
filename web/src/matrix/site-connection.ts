/**
 * The state of the way to the sites: which one is spoken to, and whether anybody answers. It owns the looking; when to
 * look is decided by whoever calls (`sites.ts`, a request that failed). One look runs at a time, however many ask.
 */

import { signal } from "@preact/signals";

import { abortable, pause } from "./pause";
import { type Ask, type Patience, race } from "./site-race";

export type Way =
  | "well"
  | "moving" // the site of now is silent, another one is being looked for
  | "lost"; // no site answers

const FRESH_MS = 1_500; // a site heard within it is not asked again before a request that cannot be repeated
const DOUBT_MS_MIN = 1_000; // between two looks because of answers such as 503
const AGAIN_MS = 1_000; // when nobody answered, doubled each time
const AGAIN_MS_MAX = 5_000;

export class Connection {
  readonly current;
  readonly way = signal<Way>("well");
  readonly busyUntil = signal(0); // ms since 1970: the site of now asked for patience
  private others: readonly string[] = [];
  private readonly moved = new Set<(to: string) => void>();
  private recovering: Promise<void> | null = null;
  private nudge = new AbortController();
  private heardAt = -Infinity; // by a clock that nobody sets
  private lookedAt = -Infinity;

  /** `ask` gives the HTTP status, and throws without an answer. */
  constructor(
    own: string,
    private readonly status: (site: string, signal: AbortSignal) => Promise<number>,
    private readonly patience?: Patience,
  ) {
    this.current = signal(own);
  }

  /** All sites there are, the present one among them or not. */
  know(sites: readonly string[]): void {
    this.others = sites;
  }

  isOurs(origin: string): boolean {
    return origin === this.current.peek() || this.others.includes(origin);
  }

  heard(site: string): void {
    if (site === this.current.peek()) this.heardAt = performance.now();
  }

  /** Ms since the site of now answered anything. */
  silentFor(): number {
    return performance.now() - this.heardAt;
  }

  isFresh(site: string): boolean {
    return site === this.current.peek() && this.silentFor() < FRESH_MS;
  }

  onMove(moved: (to: string) => void): () => void {
    this.moved.add(moved);
    return () => this.moved.delete(moved);
  }

  /** Resolves when some site answers; it is the current one then. Rejects when `signal` is aborted. */
  settle(signal?: AbortSignal | null): Promise<void> {
    this.recovering ??= this.recover().finally(() => (this.recovering = null));
    return abortable(this.recovering, signal);
  }

  doubt(): void {
    if (performance.now() - this.lookedAt >= DOUBT_MS_MIN) void this.settle();
  }

  /** The network came back, or somebody looks at the page: do not wait for the next look. */
  hurry(): void {
    this.nudge.abort();
    this.nudge = new AbortController();
    void this.settle();
  }

  private async recover(): Promise<void> {
    for (let wait = AGAIN_MS; !(await this.look()); wait = Math.min(wait * 2, AGAIN_MS_MAX)) {
      this.way.value = "lost";
      await pause(wait * (0.75 + Math.random() / 2), this.nudge.signal).catch(() => undefined);
    }
    this.way.value = "well";
  }

  /** One race; whether anybody answered. A site that answers, but takes no clients, is better than none. */
  private async look(): Promise<boolean> {
    this.lookedAt = performance.now();
    const site = this.current.peek();
    const others = this.others.filter((other) => other !== site);
    const answered = new Set<string>();
    const ask: Ask = async (asked, over) => {
      const status = await this.status(asked, over);
      answered.add(asked);
      return status < 500;
    };
    const doubted = () => {
      if (others.length && this.way.peek() === "well") this.way.value = "moving";
    };
    const winner = await race(site, others, ask, this.patience, doubted);
    const next = winner ?? (answered.has(site) ? site : answered.values().next().value);
    if (!next) return false;
    if (next !== site) this.move(next);
    this.heard(next);
    return true;
  }

  private move(to: string): void {
    this.current.value = to;
    this.busyUntil.value = 0;
    for (const moved of [...this.moved]) moved(to);
  }
}
