// Files that are not what they seem, made byte by byte.

import { crc32, deflateSync } from "node:zlib";

import sharp from "sharp";

const script = "<script>alert(1)</script>";

/** An image that is what it says. */
export const goodImage = (format: "png" | "jpeg" | "gif" | "webp" = "png", width = 24, height = 16): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#c40" } })
    .toFormat(format)
    .toBuffer();

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
};

/** One chunk of a PNG file, with its checksum. */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

/** A gray PNG that says it is so large, with these pixels and further chunks. */
export function pngSaying(width: number, height: number, pixels: Buffer, further: Buffer = Buffer.alloc(0)): Buffer {
  const head = chunk("IHDR", Buffer.concat([uint32(width), uint32(height), Buffer.from([8, 0, 0, 0, 0])]));
  const magic = Buffer.from("\u0089PNG\r\n\u001a\n", "latin1");
  return Buffer.concat([magic, head, further, chunk("IDAT", deflateSync(pixels)), chunk("IEND", Buffer.alloc(0))]);
}

/** A PNG of so many bytes, most of them in a chunk that readers pass over. */
export function pngOfBytes(size: number): Buffer {
  const pixels = Buffer.alloc(6);
  const least = pngSaying(2, 2, pixels, chunk("juNk", Buffer.alloc(0))).length;
  return pngSaying(2, 2, pixels, chunk("juNk", Buffer.alloc(size - least)));
}

/** A PNG of 2 by 2 pixels with a text that unpacks to so many bytes. */
export function pngWithText(size: number): Buffer {
  return pngSaying(
    2,
    2,
    Buffer.alloc(6),
    chunk("zTXt", Buffer.concat([Buffer.from("Comment\0\0", "latin1"), deflateSync(Buffer.alloc(size))])),
  );
}

/** A GIF of so many frames, each of one color. */
export function gifOfFrames(width: number, height: number, frames: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt16LE(width);
  size.writeUInt16LE(height, 2);
  const palette = Buffer.from([0, 0, 0, 255, 255, 255]);
  const head = Buffer.concat([Buffer.from("GIF89a"), size, Buffer.from([0x80, 0, 0]), palette]);
  // A frame of one pixel, which stands in the middle of nothing.
  const frame = Buffer.from([0x21, 0xf9, 4, 4, 1, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0]);
  return Buffer.concat([head, ...Array.from({ length: frames }, () => frame), Buffer.from([0x3b])]);
}

/** A JPEG whose last scan comes so many times again: each costs as much as the whole image. */
async function jpegOfScans(times: number): Promise<Buffer> {
  const image = await sharp({ create: { width: 2000, height: 2000, channels: 3, background: "#c40" } })
    .jpeg({ progressive: true })
    .toBuffer();
  const at = image.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scan = image.subarray(at, image.length - 2);
  return Buffer.concat([image.subarray(0, -2), ...Array.from({ length: times }, () => scan), image.subarray(-2)]);
}

/** An image whose head says another size than it has. */
async function saying(format: "jpeg" | "webp" | "gif", width: number, height: number): Promise<Buffer> {
  const image = await goodImage(format);
  if (format === "gif") {
    const frame = image.lastIndexOf(Buffer.from([0x2c, 0, 0, 0, 0]));
    image.writeUInt16LE(width, frame + 5);
    image.writeUInt16LE(height, frame + 7);
  } else if (format === "webp") {
    image.writeUInt16LE(width, 26);
    image.writeUInt16LE(height, 28);
  } else {
    const frame = image.indexOf(Buffer.from([0xff, 0xc0]));
    image.writeUInt16BE(height, frame + 5);
    image.writeUInt16BE(width, frame + 7);
  }
  return image;
}

export interface HostileFile {
  readonly what: string;
  readonly bytes: Uint8Array;
  /** What the client says of it. */
  readonly type: string;
  readonly name: string;
}

/** What is no image that may be kept: 413 where it would be too large, else 400. */
export interface RefusedImage extends HostileFile {
  readonly status: 400 | 413;
  /** An image that is kept where nothing else is said of it. */
  readonly isImage?: boolean;
}

export async function refusedImages(): Promise<readonly RefusedImage[]> {
  const [png, jpeg, gif, webp] = [await goodImage(), await goodImage("jpeg"), await goodImage("gif"), await goodImage("webp")];
  const lie = (what: string, bytes: Uint8Array | string, type: string, name: string) =>
    ({ what, bytes: typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, type, name, status: 400 }) as const;
  const saidToBe = (what: string, bytes: Uint8Array, type: string, name: string) => ({ ...lie(what, bytes, type, name), isImage: true });
  const bomb = (what: string, bytes: Uint8Array, name: string, status: 400 | 413 = 413) =>
    ({ what, bytes, type: "application/octet-stream", name, status }) as const;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${script}</svg>`;
  return [
    lie("HTML as PNG", `<!doctype html>${script}`, "image/png", "x.png"),
    lie("SVG as PNG", svg, "image/png", "x.png"),
    lie("SVG", svg, "image/svg+xml", "x.svg"),
    lie(
      "SVG behind a declaration",
      `<?xml version="1.0"?>\n<!DOCTYPE svg [<!ENTITY e SYSTEM "file:///etc/passwd">]>${svg}`,
      "image/svg+xml",
      "x.svg",
    ),
    saidToBe("PNG as HTML", png, "text/html", "x.html"),
    saidToBe("PNG as SVG", png, "image/svg+xml", "x.svg"),
    saidToBe("PNG as GIF", png, "image/gif", "x.gif"),
    saidToBe("JPEG as PNG, named HTML", jpeg, "image/png", "x.html"),
    saidToBe("GIF as JPEG", gif, "image/jpeg", "x.webp"),
    saidToBe("WebP as PNG", webp, "image/png", "x.png"),
    lie("PDF as JPEG", "%PDF-1.7\n1 0 obj<</OpenAction 2 0 R>>", "image/jpeg", "x.jpg"),
    lie("ZIP as WebP", "PK\u0003\u0004 and more", "image/webp", "x.webp"),
    lie("a program as PNG", "MZ\u0090\u0000 This program", "image/png", "x.png"),
    lie("a TIFF", "II*\u0000\u0008\u0000\u0000\u0000", "image/tiff", "x.tiff"),
    lie("a BMP", "BM\u0000\u0000\u0000\u0000", "image/bmp", "x.bmp"),
    lie("GIF that is a program too", `GIF89a/*${"\u0000".repeat(20)}*/=1;alert(1)//`, "image/gif", "x.js"),
    lie("nothing", "", "image/png", "x.png"),
    lie("one byte", "\u0089", "image/png", "x.png"),
    ...[8, 33, 50].map((size) => lie(`PNG of ${size} bytes`, png.subarray(0, size), "image/png", "x.png")),
    ...[2, 3, 20, 200].map((size) => lie(`JPEG of ${size} bytes`, jpeg.subarray(0, size), "image/jpeg", "x.jpg")),
    ...[6, 13, 20].map((size) => lie(`GIF of ${size} bytes`, gif.subarray(0, size), "image/gif", "x.gif")),
    ...[12, 30].map((size) => lie(`WebP of ${size} bytes`, webp.subarray(0, size), "image/webp", "x.webp")),
    bomb("PNG that says 30,000 by 30,000", pngSaying(30_000, 30_000, Buffer.alloc(100)), "x.png"),
    bomb("PNG of 20,000 by 20,000 zeros, a tenth of them there", pngSaying(20_000, 20_000, Buffer.alloc(20_001 * 2_000)), "x.png"),
    bomb("PNG that says 2^31 - 1 by 2^31 - 1", pngSaying(2 ** 31 - 1, 2 ** 31 - 1, Buffer.alloc(100)), "x.png", 400),
    bomb("PNG that says 2^32 - 1 by 1", pngSaying(2 ** 32 - 1, 1, Buffer.alloc(100)), "x.png", 400),
    bomb("PNG that says 0 by 0", pngSaying(0, 0, Buffer.alloc(1)), "x.png", 400),
    bomb("PNG one pixel over", pngSaying(40_000_001, 1, Buffer.alloc(100)), "x.png"),
    bomb("JPEG that says 65,500 by 65,500", await saying("jpeg", 65_500, 65_500), "x.jpg"),
    bomb("GIF that says 65,535 by 65,535", await saying("gif", 65_535, 65_535), "x.gif"),
    bomb("WebP that says 16,383 by 16,383", await saying("webp", 16_383, 16_383), "x.webp"),
    bomb("JPEG of 3,000 scans", await jpegOfScans(3_000), "x.jpg", 400),
  ];
}

/** Images with more in them than pixels, which are kept without it. */
export async function loadedImages(): Promise<readonly HostileFile[]> {
  const image = { type: "application/octet-stream", name: "x.png" };
  const [png, jpeg] = [await goodImage(), await goodImage("jpeg")];
  const comment = Buffer.from(`\u00ff\u00fe\u0000${String.fromCharCode(script.length + 2)}${script}`, "latin1");
  return [
    { ...image, what: "PNG with a script behind it", bytes: Buffer.concat([png, Buffer.from(script)]) },
    { ...image, what: "PNG with an archive behind it", bytes: Buffer.concat([png, Buffer.from(`PK\u0003\u0004${script}`, "latin1")]) },
    { ...image, what: "JPEG with a script as a comment", bytes: Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]) },
    { ...image, what: "PNG with a text of 64 MB", bytes: pngWithText(64 * 1024 * 1024) },
    { ...image, what: "PNG of more pixels than it says", bytes: pngSaying(2, 2, Buffer.alloc(64 * 1024 * 1024)) },
    { ...image, what: "GIF of 5,000 frames", bytes: gifOfFrames(200, 200, 5_000) },
    { ...image, what: "GIF of a screen of 65,535 by 65,535", bytes: gifOfFrames(65_535, 65_535, 1) },
  ];
}

/** Bytes that a browser would run, if it were told so or were to guess. */
export const runnable: readonly HostileFile[] = [
  { what: "HTML as text", bytes: Buffer.from(`<!doctype html>${script}`), type: "text/html", name: "a.html" },
  { what: "HTML as PNG", bytes: Buffer.from(`<html>${script}</html>`), type: "image/png", name: "a.png" },
  { what: "SVG", bytes: Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${script}</svg>`), type: "image/svg+xml", name: "a.svg" },
  {
    what: "XML",
    bytes: Buffer.from(`<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">${script}</html>`),
    type: "text/xml",
    name: "a.xml",
  },
  { what: "JavaScript", bytes: Buffer.from("alert(1)"), type: "text/javascript", name: "a.js" },
  { what: "HTML in UTF-16", bytes: Buffer.from(`\ufeff<html>${script}`, "utf16le"), type: "text/html", name: "a.htm" },
  { what: "PDF as text", bytes: Buffer.from("%PDF-1.7 /OpenAction"), type: "text/plain", name: "a.txt" },
  { what: "GIF that is a program too", bytes: Buffer.from("GIF89a/*    */=1;alert(1)"), type: "text/javascript", name: "a.gif" },
  { what: "an HTML application", bytes: Buffer.from(`${script}`), type: "application/hta", name: ".hta" },
  { what: "HTML with a text's name", bytes: Buffer.from(`<html>${script}`), type: "text/html", name: "a.html.txt" },
];

/** What a name could be by which a path would lead elsewhere. */
export const leading: readonly string[] = [
  "..",
  ".",
  "../../etc/passwd",
  "x/../../y",
  "..%2fx",
  "%2e%2e/x",
  "..%252fx",
  "/etc/passwd",
  "//server/share",
  "..\\x",
  "C:\\windows\\x",
  "\\\\server\\share",
  "x:y",
  "x\0.png",
  "x\r\ny",
  'x"y',
  "x;y",
  "x y",
  "~root",
  "$HOME",
  "*",
  // Look-alikes of a slash and of dots, and what folds or is normalised into others.
  "\u2025/x",
  "\uff0e\uff0e\uff0fx",
  "x\u2215y",
  "x\u2024png",
  "\u00e9",
  "e\u0301",
  "\u0130",
  "\u212a",
  "x\u202egnp",
  "x\u200b",
  "x".repeat(5_000),
];
