// Makes a screenshot small: PNG of eight bits per colour in, PNG of a palette out.
import { crc32, deflateSync, inflateSync } from "node:zlib";

const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);

/** Its pixels as 0xrrggbb, row by row. */
function pixelsOf(png) {
  const data = [];
  let header;
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    const body = png.subarray(at + 8, at + 8 + length);
    const type = png.toString("latin1", at + 4, at + 8);
    if (type === "IHDR") header = body;
    if (type === "IDAT") data.push(body);
    at += 12 + length;
  }
  const [width, height, step] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3];
  const raw = inflateSync(Buffer.concat(data));
  const stride = width * step;
  const pixels = new Uint32Array(width * height);
  let above = new Uint8Array(stride);
  for (let y = 0, at = 0; y < height; y++) {
    const filter = raw[at++];
    const row = Uint8Array.from(raw.subarray(at, at + stride));
    at += stride;
    for (let i = 0; i < stride; i++) {
      const [left, up, corner] = [i < step ? 0 : row[i - step], above[i], i < step ? 0 : above[i - step]];
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      row[i] += [0, left, up, (left + up) >> 1, a <= b && a <= c ? left : b <= c ? up : corner][filter];
    }
    for (let x = 0; x < width; x++)
      pixels[y * width + x] = (row[x * step] << 16) | (row[x * step + 1] << 8) | row[x * step + 2];
    above = row;
  }
  return { width, height, pixels };
}

const parts = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
const distance = (a, b) => a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0);

/** The most frequent colours, none of them much like another. */
function paletteOf(pixels, most) {
  const counts = new Map();
  for (const p of pixels) counts.set(p, (counts.get(p) ?? 0) + 1);
  const chosen = [];
  for (const [colour] of [...counts].sort((a, b) => b[1] - a[1])) {
    const its = parts(colour);
    if (chosen.every((c) => distance(c, its) > 100)) chosen.push(its);
    if (chosen.length === most) break;
  }
  return chosen;
}

function chunk(type, body) {
  const all = Buffer.alloc(12 + body.length);
  all.writeUInt32BE(body.length, 0);
  all.write(type, 4, "latin1");
  body.copy(all, 8);
  all.writeUInt32BE(crc32(all.subarray(4, 8 + body.length)), 8 + body.length);
  return all;
}

export function small(png, most = 64) {
  const { width, height, pixels } = pixelsOf(png);
  const palette = paletteOf(pixels, most);
  const nearest = new Map();
  const indexOf = (colour) => {
    const its = parts(colour);
    let best = 0;
    palette.forEach((c, i) => {
      if (distance(c, its) < distance(palette[best], its)) best = i;
    });
    nearest.set(colour, best);
    return best;
  };
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour = pixels[y * width + x];
      rows[y * (width + 1) + 1 + x] = nearest.get(colour) ?? indexOf(colour);
    }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(palette.flat())),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}
