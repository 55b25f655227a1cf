// Width and height of an image, as the head of its file says.

export type ImageType = "jpg" | "png" | "gif" | "webp";

interface Size {
  readonly width: number;
  readonly height: number;
}

const ascii = (bytes: Uint8Array, start: number, end: number): string => String.fromCharCode(...bytes.subarray(start, end));

/** The size of an image in pixels; undefined when its head does not say it. */
export function imageSize(bytes: Uint8Array, type: ImageType): Size | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const size = readers[type](view, bytes);
    return size !== undefined && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (error) {
    // It ends before it says.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const readers: Readonly<Record<ImageType, (view: DataView, bytes: Uint8Array) => Size | undefined>> = {
  png: (view, bytes) => (ascii(bytes, 12, 16) === "IHDR" ? { width: view.getUint32(16), height: view.getUint32(20) } : undefined),
  gif: (view) => ({ width: view.getUint16(6, true), height: view.getUint16(8, true) }),
  webp: sizeOfWebp,
  jpg: sizeOfJpeg,
};

/** https://developers.google.com/speed/webp/docs/riff_container */
function sizeOfWebp(view: DataView, bytes: Uint8Array): Size | undefined {
  const uint24 = (at: number): number => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  switch (ascii(bytes, 12, 16)) {
    case "VP8X":
      return { width: uint24(24) + 1, height: uint24(27) + 1 };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    default:
      return undefined;
  }
}

/** The frame header: one of the markers SOF0 to SOF15, without DHT, JPG and DAC, which lie between them (ITU T.81, B.1.1.3). */
function sizeOfJpeg(view: DataView): Size | undefined {
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    while (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0xff) at++;
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker))
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
  }
}
