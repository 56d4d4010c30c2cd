/** A voice note being recorded: its length and loudness as signals, and at the end a file with its waveform. */

import { signal } from "@preact/signals";

import type { Voice } from "../../matrix/uploads";

const MS_MAX = 15 * 60_000; // then it stops by itself, and can be sent
const SAMPLE_MS = 50;
const SHOWN_SAMPLES = 40; // the last two seconds
const WAVE_POINTS = 64;
const WAVE_MAX = 1024; // of a point, by MSC1767
const LOUD = 0.35; // root mean square of a voice close to the microphone
const TYPES = ["audio/ogg;codecs=opus", "audio/webm;codecs=opus", "audio/mp4"];
const ENDINGS: Record<string, string> = { "audio/ogg": "ogg", "audio/webm": "webm", "audio/mp4": "m4a" };

export type Trouble = "denied" | "no-microphone" | "unsupported";

export class Recorder {
  readonly ms = signal(0);
  /** From 0 to 1, the latest last. */
  readonly levels = signal<readonly number[]>([]);
  /** It has come to its longest and stands still. */
  readonly isFull = signal(false);

  private readonly samples: number[] = [];
  private readonly chunks: Blob[] = [];
  private readonly startedAt = performance.now();
  private readonly timer: ReturnType<typeof setInterval>;
  private readonly audio = new AudioContext();
  private readonly ended: Promise<void>;

  private constructor(private readonly stream: MediaStream, private readonly recorder: MediaRecorder) {
    const analyser = this.audio.createAnalyser();
    this.audio.createMediaStreamSource(stream).connect(analyser);
    const wave = new Float32Array(analyser.fftSize);
    recorder.addEventListener("dataavailable", ({ data }) => this.chunks.push(data));
    this.ended = new Promise((done) => recorder.addEventListener("stop", () => done(), { once: true }));
    recorder.start(1_000);
    this.timer = setInterval(() => {
      analyser.getFloatTimeDomainData(wave);
      this.sample(Math.min(1, Math.sqrt(wave.reduce((sum, each) => sum + each * each, 0) / wave.length) / LOUD));
    }, SAMPLE_MS);
  }

  /** Asks for the microphone. Throws Trouble as an Error's message. */
  static async start(): Promise<Recorder> {
    const type = globalThis.MediaRecorder && TYPES.find((each) => MediaRecorder.isTypeSupported(each));
    if (!type || !navigator.mediaDevices) throw new Error("unsupported" satisfies Trouble);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      return new Recorder(stream, new MediaRecorder(stream, { mimeType: type }));
    } catch (error) {
      const isDenied = error instanceof DOMException && error.name === "NotAllowedError";
      throw new Error((isDenied ? "denied" : "no-microphone") satisfies Trouble, { cause: error });
    }
  }

  async finish(): Promise<{ file: File; voice: Voice }> {
    await this.stop();
    const type = this.recorder.mimeType.split(";")[0]!;
    const name = `voice-${new Date().toISOString().slice(0, 19).replace(/[T:]/g, "-")}.${ENDINGS[type] ?? "audio"}`;
    const file = new File(this.chunks, name, { type });
    return { file, voice: { duration: Math.round(this.ms.peek()), waveform: waveform(this.samples) } };
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    if (this.recorder.state !== "inactive") this.recorder.stop();
    await this.ended;
    for (const track of this.stream.getTracks()) track.stop();
    if (this.audio.state !== "closed") await this.audio.close();
  }

  private sample(level: number): void {
    this.samples.push(level);
    this.levels.value = this.samples.slice(-SHOWN_SAMPLES);
    this.ms.value = performance.now() - this.startedAt;
    if (this.ms.peek() < MS_MAX) return;
    this.isFull.value = true;
    void this.stop();
  }
}

/** The loudest of each stretch, as so many whole numbers. */
export function waveform(samples: readonly number[], points = WAVE_POINTS): number[] {
  const count = Math.min(points, samples.length);
  return Array.from({ length: count }, (_, index) => {
    const [from, to] = [index, index + 1].map((each) => Math.floor((each * samples.length) / count)) as [number, number];
    return Math.round(Math.max(...samples.slice(from, to)) * WAVE_MAX);
  });
}
