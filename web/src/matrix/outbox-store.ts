/** Where what was written is kept until it is acknowledged: a database of the browser, or memory where there is none. */

import { type DBSchema, type IDBPDatabase, openDB } from "idb";

import type { Entry } from "./outbox-rules";

const NAME = "bongsu:outbox";
const VERSION = 1;

interface Schema extends DBSchema {
  entries: { key: number; value: Entry; indexes: { userId: string } };
}

export interface OutboxStore {
  /** Of one person, in order. */
  list(userId: string): Promise<Entry[]>;
  /** Keep it, behind all others. Gives its number. */
  add(entry: Omit<Entry, "number">): Promise<number>;
  put(entry: Entry): Promise<void>;
  remove(numbers: readonly number[]): Promise<void>;
}

/** Falls back to memory for good when the browser refuses: then a reload loses what was not sent. */
export class BrowserStore implements OutboxStore {
  private readonly memory = new MemoryStore();
  private opened: Promise<IDBPDatabase<Schema> | null> | null = null;

  async list(userId: string): Promise<Entry[]> {
    const kept = await this.tried((db) => db.getAllFromIndex("entries", "userId", userId));
    return [...(kept ?? []), ...(await this.memory.list(userId))];
  }

  async add(entry: Omit<Entry, "number">): Promise<number> {
    const number = await this.tried((db) => db.add("entries", entry as Entry));
    return number ?? this.memory.add(entry);
  }

  async put(entry: Entry): Promise<void> {
    if (this.memory.has(entry.number)) return this.memory.put(entry);
    await this.tried((db) => db.put("entries", entry));
  }

  async remove(numbers: readonly number[]): Promise<void> {
    await this.memory.remove(numbers);
    await this.tried(async (db) => {
      const change = db.transaction("entries", "readwrite");
      await Promise.all([...numbers.map((number) => change.store.delete(number)), change.done]);
    });
  }

  private async tried<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T | undefined> {
    try {
      this.opened ??= this.open();
      const db = await this.opened;
      return db ? await work(db) : undefined;
    } catch (error) {
      console.warn("the outbox is not kept in this browser:", error); // full, forbidden, or thrown away just now
      this.opened = null;
      return undefined;
    }
  }

  private open(): Promise<IDBPDatabase<Schema>> {
    return openDB<Schema>(NAME, VERSION, {
      upgrade(db) {
        db.createObjectStore("entries", { keyPath: "number", autoIncrement: true }).createIndex("userId", "userId");
      },
      blocking: (_old, _next, event) => (event.target as IDBDatabase).close(), // a newer page wants to change it
      terminated: () => (this.opened = null),
    });
  }
}

export class MemoryStore implements OutboxStore {
  private readonly entries = new Map<number, Entry>();
  private last = 2 ** 50; // the database's numbers stay below

  async list(userId: string): Promise<Entry[]> {
    return [...this.entries.values()].filter((entry) => entry.userId === userId);
  }

  async add(entry: Omit<Entry, "number">): Promise<number> {
    const number = ++this.last;
    this.entries.set(number, { ...entry, number });
    return number;
  }

  async put(entry: Entry): Promise<void> {
    if (this.entries.has(entry.number)) this.entries.set(entry.number, entry);
  }

  async remove(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) this.entries.delete(number);
  }

  has(number: number): boolean {
    return this.entries.has(number);
  }
}
