/**
 * A client whose crypto may come after it has started: the list of chats is painted first, the engine (two megabytes of
 * WebAssembly) follows.
 *
 * The SDK gives its sync loop the engine once, at the start. Here the loop gets a stand-in that passes everything on as
 * soon as the engine is there. What comes before:
 * - keys sent to this device are handed out once only. A device that has keys of its own (`hold`) therefore lets the
 *   answer of the server wait for the engine; what was kept in this browser is shown meanwhile. A device that has none
 *   yet is known to nobody, so nothing can be meant for it, and nothing waits.
 * - rooms that are encrypted are remembered, and told to the engine when it arrives.
 */

import { type ICreateClientOpts, MatrixClient, type MatrixEvent, type Room } from "matrix-js-sdk";
import type { SyncCryptoCallbacks, SyncCryptoChanges } from "matrix-js-sdk/lib/common-crypto/CryptoBackend";
import type { SyncApiOptions } from "matrix-js-sdk/lib/sync";

type Received = Awaited<ReturnType<SyncCryptoCallbacks["processSyncChanges"]>>;

export class LateCrypto implements SyncCryptoCallbacks {
  private engine: SyncCryptoCallbacks | null = null;
  private readonly encrypted = new Map<string, [Room, MatrixEvent]>();
  private held: Promise<void> | null = null;
  private release = (): void => undefined;

  /** From now on answers of the server wait for the engine. */
  hold(): void {
    this.held ??= new Promise((resolve) => (this.release = resolve));
  }

  /** The engine is here: it learns what it missed, and sends what it has to send without waiting for a next answer. */
  async arrive(engine: SyncCryptoCallbacks): Promise<void> {
    this.engine = engine;
    for (const [room, event] of this.encrypted.values()) await engine.onCryptoEvent(room, event);
    this.encrypted.clear();
    engine.onSyncCompleted({});
    this.release();
  }

  /** There will be no engine (this browser cannot, or its keys are lost): go on without. */
  giveUp(): void {
    this.release();
  }

  async processSyncChanges(changes: SyncCryptoChanges): Promise<Received> {
    if (!this.engine) await this.held;
    if (this.engine) return this.engine.processSyncChanges(changes);
    return changes.toDeviceEvents.map((message) => ({ message, encryptionInfo: null }));
  }

  async onCryptoEvent(room: Room, event: MatrixEvent): Promise<void> {
    if (this.engine) await this.engine.onCryptoEvent(room, event);
    else this.encrypted.set(room.roomId, [room, event]);
  }

  onSyncCompleted(data: Parameters<SyncCryptoCallbacks["onSyncCompleted"]>[0]): void {
    this.engine?.onSyncCompleted(data);
  }

  async markAllTrackedUsersAsDirty(): Promise<void> {
    await this.engine?.markAllTrackedUsersAsDirty();
  }
}

export const EMOJI = "m.sas.v1";
export const SHOW = "m.qr_code.show.v1";
export const SCAN = "m.qr_code.scan.v1";
const RECIPROCATE = "m.reciprocate.v1";
/** How devices can be confirmed here. A code is scanned with a camera, which only a page of a safe origin may use. */
export const verificationMethods = [EMOJI, SHOW, RECIPROCATE, ...(globalThis.navigator?.mediaDevices ? [SCAN] : [])];

export class LateCryptoClient extends MatrixClient {
  readonly lateCrypto = new LateCrypto();

  constructor(options: ICreateClientOpts) {
    super({ ...options, verificationMethods });
  }

  protected override buildSyncApiOptions(): SyncApiOptions {
    return { ...super.buildSyncApiOptions(), cryptoCallbacks: this.lateCrypto };
  }
}
