/** Where the picture lies inside its element, and where a label finds room beside its box. */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** `object-fit: contain`: the largest rectangle of the picture's shape, centred. */
export function containRect(
  boxWidth: number, boxHeight: number, pictureWidth: number, pictureHeight: number,
): Rect {
  if (pictureWidth <= 0 || pictureHeight <= 0) {
    return { x: 0, y: 0, width: boxWidth, height: boxHeight };
  }
  const scale = Math.min(boxWidth / pictureWidth, boxHeight / pictureHeight);
  const width = pictureWidth * scale;
  const height = pictureHeight * scale;
  return { x: (boxWidth - width) / 2, y: (boxHeight - height) / 2, width, height };
}

/** A box of fractions (x1, y1, x2, y2) as pixels of the element. */
export function boxRect(box: readonly [number, number, number, number], picture: Rect): Rect {
  const [x1, y1, x2, y2] = box;
  return {
    x: picture.x + x1 * picture.width,
    y: picture.y + y1 * picture.height,
    width: (x2 - x1) * picture.width,
    height: (y2 - y1) * picture.height,
  };
}

/** Upper left corner of a label outside its box: above, else below, else (box fills all) inside. */
export function labelPlace(
  box: Rect, label: { width: number; height: number }, picture: Rect,
): { x: number; y: number } {
  const right = picture.x + picture.width;
  const x = Math.max(picture.x, Math.min(box.x, right - label.width));
  const above = box.y - label.height;
  if (above >= picture.y) return { x, y: above };
  const below = box.y + box.height;
  if (below + label.height <= picture.y + picture.height) return { x, y: below };
  return { x, y: box.y };
}

/** Element pixels to fractions of the picture, kept inside it. */
export function toFraction(x: number, y: number, picture: Rect): [number, number] {
  const clamp = (value: number): number => Math.min(1, Math.max(0, value));
  return [clamp((x - picture.x) / picture.width), clamp((y - picture.y) / picture.height)];
}
