// QR codes: drawn by a library, read by the browser where it can.

import { framesOf, textOf } from './protocol.js';

/** Screens are not dirty: medium correction while the code is small, low above. */
const mediumVersionMax = 14;
/** A larger one is shown as frames in turn. */
const versionMax = 22;
const frameMilliseconds = 250;
const quietModules = 4;

/** Comes with the build and not with the sources; the rest of the page does without. */
const library = () => import('/built/qrcode.js').then((module) => module.default);

/** A picture of the object that keeps itself going; `text` is the same for who cannot scan. */
export async function drawn(object) {
  const [text, qrcode] = await Promise.all([textOf(object), library()]);
  const whole = code(qrcode, text);
  const box = document.createElement('div');
  box.className = 'code';
  if (whole.version <= versionMax) {
    box.append(picture(whole));
    return { box, text };
  }
  const frames = (await framesOf(object)).map((each) => code(qrcode, each));
  let index = 0;
  const turn = () => {
    box.replaceChildren(picture(frames[index]));
    index = (index + 1) % frames.length;
  };
  turn();
  const timer = setInterval(() => { if (box.isConnected) turn(); else clearInterval(timer); }, frameMilliseconds);
  return { box, text };
}

function code(qrcode, text) {
  const medium = made(qrcode, text, 'M');
  return medium.version <= mediumVersionMax ? medium : made(qrcode, text, 'L');
}

function made(qrcode, text, level) {
  const symbol = qrcode(0, level);
  symbol.addData(text, 'Alphanumeric');
  symbol.make();
  const count = symbol.getModuleCount();
  return { symbol, count, version: (count - 17) / 4 };
}

function picture({ symbol, count }) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const size = count + 2 * quietModules;
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', 'QR code');
  svg.setAttribute('shape-rendering', 'crispEdges');
  const path = document.createElementNS(space, 'path');
  let line = '';
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < count; column += 1) {
      if (symbol.isDark(row, column)) line += `M${column + quietModules} ${row + quietModules}h1v1h-1z`;
    }
  }
  path.setAttribute('d', line);
  svg.append(path);
  return svg;
}

export const canRead = () => 'BarcodeDetector' in globalThis;

const reader = () => new globalThis.BarcodeDetector({ formats: ['qr_code'] });

/** The texts of the codes in a chosen picture. */
export async function readPicture(file) {
  const found = await reader().detect(await createImageBitmap(file));
  return found.map(({ rawValue }) => rawValue);
}

/** Looks through the camera until `take` says that it has enough. Returns how to stop. */
export async function look(video, take) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
  const detector = reader();
  let stopped = false;
  video.srcObject = stream;
  await video.play();
  const stop = () => {
    stopped = true;
    for (const track of stream.getTracks()) track.stop();
  };
  (async () => {
    while (!stopped) {
      for (const { rawValue } of await detector.detect(video)) {
        if (!stopped && await take(rawValue)) stop();
      }
      await new Promise((resolve) => { requestAnimationFrame(resolve); });
    }
  })().catch(stop);
  return stop;
}

/** Keeps the screen on while something is to be scanned from it. Returns how to let go. */
export async function stayAwake() {
  try {
    const lock = await navigator.wakeLock.request('screen');
    return () => lock.release();
  } catch {
    // The battery may forbid it, and older browsers do not know it.
    return () => {};
  }
}
