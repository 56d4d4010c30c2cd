/** The camera, until it sees the QR code of the other device. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { byCode } from "../../matrix/crypto-verification";
import { words } from "../../words";
import { bytesOfCode } from "./code-bytes";

const LOOK_EVERY_MS = 200;
const SIDE_MAX = 640; // of the picture that is searched, pixels

const w = words({
  scan: ["카메라로 코드 찍기", "Scan a code with the camera"],
  hint: ["다른 기기에 보이는 QR 코드를 화면 가운데에 두세요.", "Hold the QR code of the other device in the middle."],
  noCamera: ["카메라를 쓸 수 없습니다. 그림 문자로 비교해 주세요.", "The camera cannot be used. Please compare emoji instead."],
  wrong: ["다른 기기의 확인용 코드가 아닙니다.", "This is not the code of the other device."],
  camera: ["카메라 화면", "Camera"],
});

export function Scanner() {
  const on = useSignal(false);
  return on.value ? <Camera /> : <button class="wide" onClick={() => (on.value = true)}>{w.scan}</button>;
}

function Camera() {
  const video = useRef<HTMLVideoElement>(null);
  const problem = useSignal("");
  useEffect(() => {
    let over = false;
    let stream: MediaStream | undefined;
    let timer = 0;
    const look = async () => {
      const seen = video.current && search(video.current);
      if (seen) await byCode(seen).then(() => (over = true), () => (problem.value = w.wrong));
      if (!over) timer = window.setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (over) return stop(stream);
      video.current!.srcObject = stream;
      await video.current!.play();
      void look();
    };
    start().catch(() => (problem.value = w.noCamera));
    return () => {
      over = true;
      clearTimeout(timer);
      stop(stream);
    };
  }, []);
  return (
    <figure>
      <video ref={video} class="camera" aria-label={w.camera} muted playsInline />
      <figcaption><p role="status">{problem.value || w.hint}</p></figcaption>
    </figure>
  );
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** The bytes of a QR code in the picture of now, if there is one. */
function search(video: HTMLVideoElement): Uint8ClampedArray | null {
  if (!video.videoWidth) return null;
  const scale = Math.min(1, SIDE_MAX / Math.max(video.videoWidth, video.videoHeight));
  const canvas = new OffscreenCanvas(Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  return bytesOfCode({ data, width, height });
}
