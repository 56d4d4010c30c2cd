/**
 * Two devices make sure of each other: by emoji that both people see, or a QR code that one shows and the other scans.
 *
 * One verification at a time, as a signal; the views draw it and call back. It serves both directions and both uses:
 * one's own new device, and another person.
 */

import { signal } from "@preact/signals";
import {
  CryptoEvent,
  VerificationPhase,
  type VerificationRequest,
  VerificationRequestEvent,
  type Verifier,
  VerifierEvent,
  type ShowQrCodeCallbacks,
  type ShowSasCallbacks,
} from "matrix-js-sdk/lib/crypto-api";

import { matrix, onClient } from "./client";
import { crypto } from "./crypto";
import { type Ending, endingOf, isEnding } from "./crypto-endings";
import { EMOJI, SCAN, SHOW, verificationMethods } from "./crypto-late";

export type Step =
  | "asked" // by the other: shall we?
  | "asking" // the other is to say yes
  | "choose" // by code, or by emoji
  | "starting"
  | "emoji" // the same on both?
  | "scanned" // the other has scanned our code: did it work there?
  | "waiting" // this side has said yes
  | Ending;

export interface Verifying {
  step: Step;
  userId: string;
  deviceId: string | undefined; // of the other device, once it is known
  own: boolean; // another device of the same person
  emoji: readonly (readonly [symbol: string, englishName: string])[];
  code: Uint8ClampedArray | null; // what the QR code to show says
  canScan: boolean; // the other shows a code, too
  canCompare: boolean; // the other knows emoji
}

export const verifying = signal<Verifying | null>(null);
let now: Talk | null = null;

onClient((client) => {
  now = null;
  verifying.value = null;
  client.on(CryptoEvent.VerificationRequestReceived, (request) => {
    if (now?.open) return; // one at a time: the other may ask again
    if (request.pending && !request.initiatedByMe) begin(request);
  });
});

/** Whether there is a device of one's own that could vouch for this one: it encrypts, and is confirmed itself. */
export async function hasConfirmedDevice(): Promise<boolean> {
  const me = matrix().getSafeUserId();
  const devices = (await crypto().getUserDeviceInfo([me], true)).get(me);
  for (const [deviceId, { dehydrated }] of devices ?? []) {
    if (deviceId === matrix().getDeviceId() || dehydrated) continue;
    if ((await crypto().getDeviceVerificationStatus(me, deviceId))?.signedByOwner) return true;
  }
  return false;
}

/** Ask one's other devices; whichever answers first. */
export async function verifyOwnDevice(deviceId?: string): Promise<void> {
  const me = matrix().getSafeUserId();
  begin(deviceId ? await crypto().requestDeviceVerification(me, deviceId) : await crypto().requestOwnUserVerification());
}

/** Ask another person, in the direct chat with them. */
export async function verifyPerson(userId: string, roomId: string): Promise<void> {
  begin(await crypto().requestVerificationDM(userId, roomId));
}

function begin(request: VerificationRequest): void {
  now = new Talk(request);
  now.start();
}

export const accept = (): Promise<void> | undefined => now?.accept();
export const byEmoji = (): Promise<void> | undefined => now?.startEmoji();
/** Throws if it is not the code of the other side: the camera may look on. */
export const byCode = async (scanned: Uint8ClampedArray): Promise<void> => now?.startFrom(scanned);
export const same = (): Promise<void> | undefined => now?.confirm();
export const different = (): void => now?.mismatch();

/** Stop, or put away what has ended. */
export async function leave(): Promise<void> {
  const leaving = now;
  now = null;
  verifying.value = null;
  if (leaving?.open) await leaving.request.cancel().catch(() => undefined); // the other side gives up by itself in time
}

class Talk {
  private verifier: Verifier | null = null;
  private sas: ShowSasCallbacks | null = null;
  private qr: ShowQrCodeCallbacks | null = null;
  private differed = false; // the person said so

  constructor(readonly request: VerificationRequest) {}

  start(): void {
    const { request } = this;
    request.on(VerificationRequestEvent.Change, () => void this.changed());
    verifying.value = {
      step: request.initiatedByMe ? "asking" : "asked",
      userId: request.otherUserId,
      deviceId: request.otherDeviceId,
      own: request.isSelfVerification,
      emoji: [],
      code: null,
      canScan: false,
      canCompare: false,
    };
    void this.changed();
  }

  get open(): boolean {
    return this.request.pending;
  }

  async accept(): Promise<void> {
    if (this.request.phase !== VerificationPhase.Requested || this.request.accepting) return; // clicked twice
    await this.attempt(() => this.request.accept());
  }

  async startEmoji(): Promise<void> {
    this.update({ step: "starting" });
    await this.attempt(async () => this.follow(await this.request.startVerification(EMOJI)));
  }

  async startFrom(scanned: Uint8ClampedArray): Promise<void> {
    try {
      const verifier = await this.request.scanQRCode(scanned);
      this.update({ step: "waiting" });
      this.follow(verifier);
    } catch (error) {
      if (this.request.phase === VerificationPhase.Ready) throw error; // not the code
      await this.end("failed"); // the code was right, the server out of reach
    }
  }

  async confirm(): Promise<void> {
    this.update({ step: "waiting" });
    this.qr?.confirm();
    await this.attempt(async () => this.sas?.confirm());
  }

  mismatch(): void {
    this.differed = true;
    if (this.sas) this.sas.mismatch();
    else this.qr?.cancel();
  }

  private async changed(): Promise<void> {
    switch (this.request.phase) {
      case VerificationPhase.Ready:
        return this.choose();
      case VerificationPhase.Started:
        if (this.request.verifier) this.follow(this.request.verifier);
        return;
      case VerificationPhase.Done:
        return this.update({ step: "done" });
      case VerificationPhase.Cancelled:
        return this.update({ step: this.differed ? "mismatch" : endingOf(this.request.cancellationCode) });
    }
  }

  /** Half a verification is none: what cannot be done ends it on both sides. */
  private async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      console.warn("the verification does not go on:", error);
      await this.end("failed");
    }
  }

  private async end(how: Ending): Promise<void> {
    this.update({ step: how });
    if (this.open) await this.request.cancel().catch(() => undefined); // the other side gives up by itself in time
  }

  /** Both are there. Where neither can scan, emoji it is: the one who asked begins. */
  private async choose(): Promise<void> {
    if (verifying.peek()?.step === "choose") return;
    this.update({ step: "choose", deviceId: this.request.otherDeviceId });
    const canScan = verificationMethods.includes(SCAN) && this.request.otherPartySupportsMethod(SHOW);
    const canCompare = this.request.otherPartySupportsMethod(EMOJI);
    const code = this.request.otherPartySupportsMethod(SCAN) ? await this.code() : null;
    if (!code && !canScan && !canCompare) return this.end("unsupported");
    this.update({ code, canScan, canCompare });
    if (!code && !canScan && this.request.initiatedByMe && this.request.phase === VerificationPhase.Ready) await this.startEmoji();
  }

  /** Null where this device has no identity to vouch for yet. */
  private async code(): Promise<Uint8ClampedArray | null> {
    return (await this.request.generateQRCode().catch(() => undefined)) ?? null;
  }

  private follow(verifier: Verifier): void {
    if (this.verifier === verifier) return;
    this.verifier = verifier;
    verifier.on(VerifierEvent.ShowSas, (sas) => this.showEmoji(sas));
    verifier.on(VerifierEvent.ShowReciprocateQr, (qr) => this.showScanned(qr));
    verifier.verify().catch(() => undefined); // the request says how it ended
    const sas = verifier.getShowSasCallbacks();
    const qr = verifier.getReciprocateQrCodeCallbacks();
    if (sas) this.showEmoji(sas);
    if (qr) this.showScanned(qr);
  }

  private showEmoji(sas: ShowSasCallbacks): void {
    this.sas = sas;
    this.update({ step: "emoji", emoji: sas.sas.emoji ?? [] });
  }

  private showScanned(qr: ShowQrCodeCallbacks): void {
    if (this.qr) return;
    this.qr = qr;
    this.update({ step: "scanned" });
  }

  /** What another verification shows is left alone; what has ended stays ended. */
  private update(change: Partial<Verifying>): void {
    const before = verifying.peek();
    if (now === this && before && !isEnding(before.step)) verifying.value = { ...before, ...change };
  }
}
