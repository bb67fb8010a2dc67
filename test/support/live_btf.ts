import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { SHARED } from "./live_kernel.ts";

/** Puts BTFs to the live kernel's BPF_BTF_LOAD at log level 1: errno (0 if taken) and log of each. */
export function askLiveBtf(btfs: readonly Uint8Array[]): { errno: number; log: string }[] {
  const input = btfs.map((bytes) => `${Buffer.from(bytes).toString("hex")}\n`).join("");
  const { stdout, stderr } = spawnSync("python3", ["-c", PYTHON, join(SHARED, "oracle")], {
    input,
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  const answers = stdout.split("\n").filter((line) => line !== "");
  if (answers.length !== btfs.length)
    throw new Error(`the kernel answered ${answers.length} BTFs: ${stderr}`);
  return answers.map((line) => JSON.parse(line));
}

const PYTHON = `
import json, os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import kbpf
log = kbpf.Blob(4 << 20)
for line in sys.stdin:
    raw = bytes.fromhex(line)
    blob = kbpf.Blob(raw)
    log.buf[0] = b"\\0"
    attr = kbpf.BtfLoadAttr(btf=blob.addr, btf_size=len(raw), log_buf=log.addr, log_size=log.size, log_level=1)
    try:
        os.close(kbpf.bpf(kbpf.BTF_LOAD, attr))
        errno = 0
    except OSError as e:
        errno = e.errno
    text = log.buf.value.decode("latin1")
    print(json.dumps({"errno": errno, "log": text}))
`;
