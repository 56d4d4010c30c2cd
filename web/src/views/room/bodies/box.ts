/** The place of a picture, kept free before it is there, so that nothing jumps when it comes. */

const WIDTH_MAX = 320; // px
const HEIGHT_MAX = 360;
const SIDE_MIN = 88; // room for words where the picture should be
const UNKNOWN = { w: 320, h: 240 };

export function boxOf({ w, h }: { w?: number; h?: number }): { width: string; aspectRatio: string } {
  const { w: width, h: height } = w && h ? { w, h } : UNKNOWN;
  const scale = Math.min(1, WIDTH_MAX / width, HEIGHT_MAX / height);
  const [boxW, boxH] = [width, height].map((side) => Math.max(SIDE_MIN, Math.round(side * scale))) as [number, number];
  return { width: `${boxW}px`, aspectRatio: `${boxW} / ${boxH}` };
}
