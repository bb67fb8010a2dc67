import { closeSync, createReadStream, fstatSync, openSync, type ReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { UserError } from "../anybpf/report_error.ts";

const CHUNK = 1 << 20;

/** A capture being read: its bytes, unzipped, and how far it has come. */
export interface CaptureInput {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Bytes of the file, 0 if that is not known (a pipe). */
  readonly size: number;
  /** Bytes of the file read so far (as stored, so zipped ones for a zipped file). */
  readonly consumed: () => number;
}

/** Opens a capture, `-` for standard input; gzip is recognised by its first bytes. Throws what open(2) says. */
export function openCapture(path: string): CaptureInput {
  let consumed = 0;
  const raw = path === "-" ? process.stdin : openFile(path);
  const size = path === "-" ? 0 : fileSize(raw);
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of raw) {
      consumed += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }
  return { chunks: unzipped(counted()), size, consumed: () => consumed };
}

function openFile(path: string): ReadStream {
  const fd = openSync(path, "r");
  if (fstatSync(fd).isDirectory()) {
    closeSync(fd);
    throw new UserError(`${path}: is a directory`);
  }
  return createReadStream(path, { fd, highWaterMark: CHUNK });
}

function fileSize(stream: object): number {
  const { fd } = stream as { fd?: number };
  if (typeof fd !== "number") return 0;
  const stat = fstatSync(fd);
  return stat.isFile() ? stat.size : 0;
}

/** Passes bytes on, through gunzip if they start as gzip does. */
async function* unzipped(input: AsyncGenerator<Buffer>): AsyncGenerator<Uint8Array> {
  let head: Buffer = Buffer.alloc(0);
  // Not `for await`: leaving one early would end the input.
  while (head.length < 2) {
    const { value, done } = await input.next();
    if (done === true) break;
    head = head.length === 0 ? value : Buffer.concat([head, value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    yield* input;
  }
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    yield* all();
    return;
  }
  const gunzip = createGunzip({ chunkSize: CHUNK });
  const pump = (async () => {
    try {
      for await (const chunk of all()) {
        if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once("drain", resolve));
      }
      gunzip.end();
    } catch (error) {
      gunzip.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  })();
  yield* gunzip as AsyncIterable<Buffer>;
  await pump;
}
